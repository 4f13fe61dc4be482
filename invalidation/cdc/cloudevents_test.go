package cdc_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

func TestTheDataOfACloudEventMayBeBase64(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	event := func(data, more string) invalidation.Message {
		return invalidation.Message{Value: []byte(`{"specversion":"1.0","iodebeziumop":"c","iodebeziumconnector":"mysql",` +
			`"iodebeziumdb":"public","iodebeziumtable":"users","data_base64":"` + base64.StdEncoding.EncodeToString([]byte(data)) + `"` + more + `}`)}
	}
	row := `{"after":{"id":1,"email":"a"}}`
	assert.Equal(t, []string{"user:1", "email:a"}, keys(t, d, event(row, "")))
	assert.Equal(t, []string{"user:2", "email:b"}, keys(t, d, event(row, `,"data":{"after":{"id":2,"email":"b"}}`)))
	for _, data := range []string{"", "x", `{"after":{"id":"`, `{"after":`, `[`, `{"after":null}`} {
		_, err := d.Decode(event(data, ""))
		assert.ErrorIs(t, err, invalidation.ErrMalformed, data)
	}
}

func TestTheContentTypeOfACloudEventHasNoCase(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	for content, want := range map[string]string{
		"Application/CloudEvents+JSON; charset=UTF-8": "iodebeziumop", "application/json": "no envelope", "": "no envelope",
	} {
		_, err := d.Decode(invalidation.Message{
			Value: []byte(`{"id":1}`), Headers: []invalidation.Header{{Name: "content-type", Value: []byte(content)}},
		})
		assert.ErrorContains(t, err, want)
	}
}
