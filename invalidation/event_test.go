package invalidation_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/bustest"
)

func TestAnEventIsTheSameAfterItsJSON(t *testing.T) {
	for name, e := range map[string]invalidation.Event{
		"one key":   invalidation.NewEvent("user", "user:1"),
		"more keys": invalidation.NewEvent("user", "user:1", "user-by-email:a@x", "ключ", `"<&>\`),
		"clear":     invalidation.NewClear("orders", "order", "order:line"),
	} {
		t.Run(name, func(t *testing.T) {
			b, err := invalidation.Encode(e)
			require.NoError(t, err)
			got, err := invalidation.Decode(b)
			require.NoError(t, err)
			require.Equal(t, e, got)
			viaStd, err := json.Marshal(e)
			require.NoError(t, err)
			require.JSONEq(t, string(b), string(viaStd))
			var back invalidation.Event
			require.NoError(t, json.Unmarshal(viaStd, &back))
			require.Equal(t, e, back)
		})
	}
}

func TestKeysThatAreNotUTF8SurviveTheJSON(t *testing.T) {
	e := invalidation.NewEvent("bin", "bin:\xff\x00", "bin:plain", "bin:\xfe")
	b, err := invalidation.Encode(e)
	require.NoError(t, err)
	got, err := invalidation.Decode(b)
	require.NoError(t, err)
	require.ElementsMatch(t, e.Keys, got.Keys)
}

// The JSON is read by others, and by versions to come.
func TestTheJSONOfAnEventIsWhatIsDocumented(t *testing.T) {
	e := invalidation.Event{
		ID: "0192f1c2-7b1e-7c55-9a3e-5d0c5a1f2e77", Keys: []string{"user:42"}, Origin: "user",
		Time: time.Date(2026, 11, 22, 1, 2, 3, 4000, time.UTC),
	}
	b, err := invalidation.Encode(e)
	require.NoError(t, err)
	require.JSONEq(t, `{"v":1,"id":"0192f1c2-7b1e-7c55-9a3e-5d0c5a1f2e77","keys":["user:42"],"origin":"user",`+
		`"time":"2026-11-22T01:02:03.000004Z"}`, string(b))
	got, err := invalidation.Decode([]byte(`{"v":1,"id":"x","keys":["user:42"],"new":{"field":[1]}}`))
	require.NoError(t, err)
	require.Equal(t, invalidation.Event{ID: "x", Keys: []string{"user:42"}}, got)
}

func TestWhatNobodyCouldApplyIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		``:                                invalidation.ErrMalformed,
		`null`:                            invalidation.ErrMalformed,
		`[]`:                              invalidation.ErrMalformed,
		`{"v":1,"id":"x","keys":["k"]`:    invalidation.ErrMalformed,
		`{"id":"x","keys":["k"]}`:         invalidation.ErrMalformed,
		`{"v":"1","id":"x","keys":["k"]}`: invalidation.ErrMalformed,
		`{"v":1,"keys":["k"]}`:            invalidation.ErrMalformed,
		`{"v":1,"id":"x"}`:                invalidation.ErrMalformed,
		`{"v":1,"id":"x","keys":[""]}`:    invalidation.ErrMalformed,
		`{"v":1,"id":"x","keys":"k"}`:     invalidation.ErrMalformed,
		`{"v":2,"id":"x","keys":["k"]}`:   invalidation.ErrUnsupported,
		`{"v":1,"id":"x","op":"set","keys":["k"]}`:                                          invalidation.ErrUnsupported,
		`{"v":1,"id":"x","keys":["` + strings.Repeat("k", invalidation.MaxSize) + `"]}`:     invalidation.ErrTooLarge,
		`{"v":1,"id":"x","keys":[` + strings.Repeat(`"k",`, invalidation.MaxKeys) + `"k"]}`: invalidation.ErrTooLarge,
	} {
		_, err := invalidation.Decode([]byte(text))
		require.ErrorIs(t, err, want, "%.60s", text)
		_, err = invalidation.DecodeMessage(invalidation.Message{Value: []byte(text)})
		require.ErrorIs(t, err, want, "%.60s", text)
	}
}

// encoding/json puts U+FFFD in the place of what is not UTF-8, and so would make it the name of another key, whose
// delete would be taken for that of this one.
func TestAnEventThatJSONWouldAlterIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		"a\xff":              invalidation.ErrMalformed,
		`a\ud83d`:            invalidation.ErrMalformed,
		`\uD83Da`:            invalidation.ErrMalformed,
		`\ud83d\ud83d`:       invalidation.ErrMalformed,
		`\ud83d\\ude00`:      invalidation.ErrMalformed,
		`a\ude00`:            invalidation.ErrMalformed,
		`\ud83d\uDE00\u00fc`: nil,
		`\\ud83d`:            nil,
		`\ufffd`:             nil,
	} {
		value := []byte(`{"v":1,"id":"x","keys":["` + text + `"]}`)
		quoted := []byte(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(value)) + `"`)
		for _, value := range [][]byte{value, quoted} {
			events, err := invalidation.DecodeMessage(invalidation.Message{Value: value})
			require.ErrorIs(t, err, want, "%q", value)
			require.Equal(t, want == nil, len(events) == 1)
		}
	}
}

func TestATimeThatJSONCannotTellIsMalformed(t *testing.T) {
	e := invalidation.NewEvent("x", "k")
	e.Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := invalidation.Encode(e)
	require.ErrorIs(t, err, invalidation.ErrMalformed)
}

// Else whoever publishes the parts would publish nothing, without an error.
func TestAnEventWithoutKeysIsItsOwnPart(t *testing.T) {
	e := invalidation.NewEvent(strings.Repeat("o", invalidation.MaxSize))
	require.Equal(t, []invalidation.Event{e}, e.Split())
	require.ErrorIs(t, bustest.NewBus().Publish(t.Context(), e), invalidation.ErrMalformed)
}

func TestAnEventThatAHandlerRefusesWithoutNamingItIsNotRefused(t *testing.T) {
	why := errors.New("not for me")
	handle := invalidation.Guard(func(_ context.Context, events []invalidation.Event) error {
		switch {
		case len(events) > 1:
			panic("of the handler")
		case events[0].ID == "1":
			return &invalidation.RefusedError{Refused: map[int]error{0: why}}
		}
		return &invalidation.RefusedError{Refused: map[int]error{7: why}}
	})
	err := handle(t.Context(), []invalidation.Event{{ID: "0"}, {ID: "1"}})
	refused, ok := errors.AsType[*invalidation.RefusedError](err)
	require.True(t, ok)
	require.Equal(t, map[int]error{1: why}, refused.Refused)
}

// The outbox event router of Debezium puts a payload into quotes, unless it is told otherwise.
func TestAnEventInQuotesIsTheEvent(t *testing.T) {
	e := invalidation.NewEvent("user", "user:1")
	b, err := invalidation.Encode(e)
	require.NoError(t, err)
	quoted, err := json.Marshal(string(b))
	require.NoError(t, err)
	got, err := invalidation.DecodeMessage(invalidation.Message{Value: quoted})
	require.NoError(t, err)
	require.Equal(t, []invalidation.Event{e}, got)
}

func TestIDsAreUniqueAndGrow(t *testing.T) {
	seen := make(map[string]bool)
	last := ""
	for i := range 10_000 {
		id := invalidation.NewEvent("x", "k").ID
		require.Len(t, id, 36)
		require.Equal(t, byte('7'), id[14])
		require.Contains(t, "89ab", string(id[19]))
		require.False(t, seen[id])
		seen[id] = true
		if i%1000 == 0 {
			require.GreaterOrEqual(t, id[:13], last)
			last = id[:13]
		}
	}
}

func TestTheNameOfACacheEndsAtTheFirstColon(t *testing.T) {
	require.Equal(t, "user:42", invalidation.Key("user", "42"))
	require.NotEqual(t, invalidation.Key("a", "b:k"), invalidation.Key("a:b", "k"))
	require.Equal(t, "%7Btag%7D:k", invalidation.Key("{tag}", "k"))
}

func TestALargeEventSplitsIntoPartsThatCanBeSent(t *testing.T) {
	var keys []string
	for range 3 * invalidation.MaxKeys {
		keys = append(keys, "user:"+strings.Repeat("\x01", 100)+invalidation.NewEvent("", "k").ID)
	}
	e := invalidation.NewEvent("user", keys...)
	parts := e.Split()
	require.Greater(t, len(parts), 3)
	var got []string
	ids := make(map[string]bool)
	for _, part := range parts {
		_, err := invalidation.Encode(part)
		require.NoError(t, err)
		got = append(got, part.Keys...)
		ids[part.ID] = true
	}
	require.Equal(t, keys, got)
	require.Len(t, ids, len(parts))
	small := invalidation.NewEvent("user", "user:1")
	require.Equal(t, []invalidation.Event{small}, small.Split())
}

func FuzzDecode(f *testing.F) {
	b, _ := invalidation.Encode(invalidation.NewClear("x", "user"))
	f.Add(b)
	f.Add([]byte(`{"v":1,"id":"x","keys":["k"],"keys_b64":["/w=="],"time":"2026-11-22T01:02:03Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := invalidation.Decode(b)
		if err != nil {
			return
		}
		again, err := invalidation.Encode(e)
		if err != nil {
			require.ErrorIs(t, err, invalidation.ErrTooLarge)
			return
		}
		got, err := invalidation.Decode(again)
		require.NoError(t, err)
		require.ElementsMatch(t, e.Keys, got.Keys)
	})
}
