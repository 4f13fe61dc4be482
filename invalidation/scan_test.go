package invalidation_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
)

// plain is the JSON of an event as encoding/json sees it.
type plain struct {
	V      int             `json:"v"`
	ID     string          `json:"id"`
	Op     invalidation.Op `json:"op,omitempty"`
	Keys   []string        `json:"keys,omitempty"`
	Bytes  [][]byte        `json:"keys_b64,omitempty"`
	Origin string          `json:"origin,omitempty"`
	Time   time.Time       `json:"time"`
}

func FuzzEventsAreDecodedAsEncodingJSONWould(f *testing.F) {
	b, err := invalidation.Encode(invalidation.NewEvent("o", "a:1", "b:ü"))
	require.NoError(f, err)
	f.Add(b)
	for _, text := range []string{
		`{"v":1,"id":"x","keys":["a"],"time":"2026-01-02T03:04:05.678Z"}`,
		`{"v":1,"id":"x","keys":["a","\u0062"],"time":"2026-01-02T03:04:05+02:00"}`,
		`{"v":1,"id":"x","id":"y","keys":["a"],"keys":["b"]}`,
		`{"v":01,"id":"x","keys":["a"]}`,
		`{"v":1,"ID":"x","keys":[]}`,
		"{\"v\":1,\"id\":\"x\xff\",\"keys\":[\"a\"]}",
		`{"v":1,"id":"x","op":"clear","keys":["a"],"more":{"a":[1,2]}}`,
		`{"v":1,"id":"x","keys":["a"],"time":"yesterday"}`,
		`{"v":1,"id":"x","keys":["a"]} `,
		`{"v":1,"id":"x","keys":["a"]}x`,
		`{"v":1,"id":"x","keys":["a"],}`,
		`{"v":1,"id":"x","keys":["a"],"keys_b64":["AA=="]}`,
		`{"v":1,"id":"x","keys":["\ud83d\ude00","\ud83d","\ude00\\ud83d"]}`,
		`{"V":1,"v":1.0,"id":null,"keys":[null,"a"],"op":null}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got invalidation.Event
		gotErr := got.UnmarshalJSON(b)
		if gotErr != nil && strings.HasSuffix(gotErr.Error(), "not UTF-8") {
			require.True(t, !utf8.Valid(b) || bytes.Contains(bytes.ToLower(b), []byte(`\ud`)))
			return
		}
		var want plain
		wantErr := json.Unmarshal(b, &want)
		if wantErr != nil || want.V != 1 {
			require.Error(t, gotErr)
			return
		}
		require.NoError(t, gotErr)
		keys := want.Keys
		for _, key := range want.Bytes {
			keys = append(keys, string(key))
		}
		require.True(t, got.Time.Equal(want.Time))
		got.Time = want.Time
		if len(keys) == 0 {
			keys, got.Keys = nil, nil
		}
		require.Equal(t, invalidation.Event{
			ID: want.ID, Op: want.Op, Keys: keys, Origin: want.Origin, Time: want.Time,
		}, got)
	})
}

func BenchmarkDecode(b *testing.B) {
	text, err := invalidation.Encode(invalidation.NewEvent("products", "products:123456"))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := invalidation.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}
