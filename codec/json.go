package codec

import (
	"encoding/json"
	"fmt"
)

// JSON encodes with encoding/json. Its name is "json".
//
// Integers keep their full precision where the target is typed; inside an interface value every number becomes a
// float64. A time.Time keeps its offset but not the name of its location. A string that is not valid UTF-8 does not
// come back as it was, and a NaN cannot be encoded. Fields match without regard to case, and those that the target does
// not have are ignored.
var JSON Codec = jsonText{}

type jsonText struct{}

func (jsonText) Name() string { return "json" }

func (jsonText) Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("codec: json: marshal %T: %w", v, err)
	}
	return data, nil
}

func (jsonText) Unmarshal(data []byte, v any) error {
	if err := checkTarget("json", v); err != nil {
		return err
	}
	// json.Unmarshal, unlike json.Decoder, refuses trailing data.
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("codec: json: unmarshal %T: %w", v, err)
	}
	return nil
}
