package record_test

import (
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/store"
)

var stamp = store.Stamp{Nonce: 0x0123456789abcdef, Granted: 1_700_000_000_123_456}

// golden are the records that testdata has written down.
var golden = map[string]store.Record{
	"value": {
		Kind: store.Value, Stamp: stamp, Codec: []byte("msgpack"), Born: 1_700_000_000_123,
		FreshFor: 270 * time.Second, LoadCost: 12 * time.Millisecond, Payload: []byte("\x82\xa2id\x01"),
	},
	"value-plain": {Kind: store.Value, Stamp: stamp, Codec: []byte{}, Born: 1_700_000_000_123, Payload: []byte{}},
	"absent": {
		Kind: store.Value, Stamp: stamp, Absent: true, Codec: []byte("msgpack"), Born: 1_700_000_000_123,
		LoadCost: time.Millisecond, Payload: []byte{},
	},
	"value-claimed": {
		Kind: store.Value, Stamp: stamp, Codec: []byte("raw"), Born: 1_699_999_990_000, FreshFor: time.Minute,
		LoadCost: 65535 * time.Millisecond, Claimed: 5 * time.Second, Payload: []byte("old"),
	},
	"value-on-probation": {
		Kind: store.Value, Stamp: stamp, Codec: []byte("raw"), Born: 1_700_000_000_123, LoadCost: 5 * time.Millisecond,
		Payload: []byte("v"),
	},
	"value-long-codec": {
		Kind: store.Value, Stamp: stamp, Codec: []byte(record.CodecName(longCodec)), Born: 1_700_000_000_123,
		Payload: []byte("v"),
	},
	"lease":                {Kind: store.Lease, Stamp: stamp},
	"lease-awaited":        {Kind: store.Lease, Stamp: stamp},
	"lease-on-probation":   {Kind: store.Lease, Stamp: stamp},
	"fence":                {Kind: store.Fence},
	"fence-over-probation": {Kind: store.Fence},
	"probation":            {Kind: store.Probation},
}

const longCodec = "protobuf+zstd:github.com/example/catalog.Product"

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
	require.NoError(tb, err)
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.ReplaceAll(strings.TrimSpace(line), " ", ""))
	}
	b, err := hex.DecodeString(digits.String())
	require.NoError(tb, err)
	return b
}

// A release of this module must read what any other has written: records outlive a deployment.
func TestRecordsWrittenOnceAreReadForEver(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
	require.NoError(t, err)
	require.Len(t, files, len(golden))
	for name, want := range golden {
		b := read(t, name)
		assert.Equal(t, want, record.Parse(b), name)
		layered := name == "lease-on-probation" || name == "fence-over-probation"
		assert.Equal(t, layered, record.Layered(b), name)
	}
}

func TestRecordsAreWrittenAsTheyAlwaysWere(t *testing.T) {
	for name, f := range map[string]store.Fill{
		"value": {
			Codec: "msgpack", Payload: []byte("\x82\xa2id\x01"),
			FreshFor: 270 * time.Second, LoadCost: 12 * time.Millisecond,
		},
		"value-plain":      {},
		"absent":           {Absent: true, Codec: "msgpack", LoadCost: 1},
		"value-long-codec": {Codec: longCodec, Payload: []byte("v")},
	} {
		f.Held = store.Held{Key: "k", Stamp: stamp}
		assert.Equal(t, read(t, name), record.AppendValue(nil, f), name)
	}
	assert.Equal(t, "before", string(record.AppendValue([]byte("before"), store.Fill{})[:6]))
}

func TestWhatIsCutShortIsForeign(t *testing.T) {
	for name, want := range golden {
		b := read(t, name)
		header := len(b)
		if want.Kind == store.Value {
			header = record.ValueHeader + len(want.Codec)
		}
		for n := range b {
			cut := record.Parse(b[:n])
			switch {
			case n >= header:
				assert.Equal(t, store.Value, cut.Kind, "%s, %d bytes", name, n)
			default:
				assert.Equal(t, store.Record{Kind: store.Foreign}, cut, "%s, %d bytes", name, n)
			}
		}
		if want.Kind != store.Value {
			assert.Equal(t, store.Foreign, record.Parse(append(b, 0)).Kind, name)
		}
		for i := range 2 {
			spoilt := append([]byte(nil), b...)
			spoilt[i] ^= 0xff
			assert.Equal(t, store.Foreign, record.Parse(spoilt).Kind, name)
		}
	}
}

func TestDurationsAreRoundedUpAndBounded(t *testing.T) {
	for _, c := range []struct{ given, fresh, cost time.Duration }{
		{-1, 0, 0},
		{0, 0, 0},
		{1, time.Millisecond, time.Millisecond},
		{time.Millisecond, time.Millisecond, time.Millisecond},
		{time.Millisecond + 1, 2 * time.Millisecond, 2 * time.Millisecond},
		{time.Hour, time.Hour, math.MaxUint16 * time.Millisecond},
		{math.MaxInt64, time.Duration(math.MaxInt64).Truncate(time.Millisecond), math.MaxUint16 * time.Millisecond},
	} {
		rec := record.Parse(record.AppendValue(nil, store.Fill{FreshFor: c.given, LoadCost: c.given}))
		assert.Equal(t, c.fresh, rec.FreshFor, "FreshFor %d", c.given)
		assert.Equal(t, c.cost, rec.LoadCost, "LoadCost %d", c.given)
	}
}

func TestNoRecordHasANegativeDuration(t *testing.T) {
	b := record.AppendValue(nil, store.Fill{Payload: []byte("v")})
	for i := 20; i < record.ValueHeader; i++ {
		b[i] = 0xff
	}
	rec := record.Parse(b)
	assert.Equal(t, store.Value, rec.Kind)
	assert.Positive(t, rec.FreshFor)
	assert.Positive(t, rec.LoadCost)
	assert.Positive(t, rec.Claimed)
	assert.Positive(t, rec.Born)
}

func TestCodecNamesThatAreCutStayApart(t *testing.T) {
	assert.Equal(t, "msgpack", record.CodecName("msgpack"))
	assert.Equal(t, "elevenbytes", record.CodecName("elevenbytes"))
	seen := make(map[string]string)
	for _, name := range []string{"", "twelve bytes", "twelve bytez", longCodec, longCodec + "2"} {
		short := record.CodecName(name)
		assert.LessOrEqual(t, len(short), record.MaxCodec)
		assert.Empty(t, seen[short], name)
		seen[short] = name
	}
}

func TestAStampReadsBack(t *testing.T) {
	for _, want := range []store.Stamp{
		{}, stamp, {Nonce: math.MaxUint64, Granted: math.MaxInt64}, {Nonce: 1<<53 + 1, Granted: 1},
	} {
		assert.Equal(t, want, record.Stamp(record.AppendStamp(nil, want)))
	}
	assert.Zero(t, record.Stamp(make([]byte, 15)))
}

// The payload of one record must not be reached by appending to that of its codec.
func TestPartsOfARecordHaveNoRoomToGrow(t *testing.T) {
	b := record.AppendValue(nil, store.Fill{Codec: "raw", Payload: []byte("payload")})
	rec := record.Parse(append(b, "more"...)[:len(b)])
	_ = append(rec.Codec, "XXX"...)
	assert.Equal(t, "payload", string(rec.Payload))
	assert.Equal(t, len(rec.Payload), cap(rec.Payload))
}

func FuzzParse(f *testing.F) {
	for name := range golden {
		f.Add(read(f, name))
	}
	f.Add([]byte{})
	f.Add([]byte("hello, world"))
	f.Add([]byte("\xc1F\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec := record.Parse(b)
		layered := record.Layered(b)
		if rec.Kind == store.Missing || rec.Kind > store.Foreign {
			t.Fatalf("Parse: got kind %d", rec.Kind)
		}
		if layered && rec.Kind != store.Lease && rec.Kind != store.Fence {
			t.Fatalf("Layered: got true for kind %d", rec.Kind)
		}
		if rec.Kind != store.Value {
			rec.Kind, rec.Stamp = 0, store.Stamp{}
			assert.Zero(t, rec)
			return
		}
		if rec.FreshFor < 0 || rec.LoadCost < 0 || rec.Claimed < 0 || rec.Born < 0 {
			t.Fatalf("Parse: got a negative time in %+v", rec)
		}
		if len(rec.Codec) > record.MaxCodec || record.ValueHeader+len(rec.Codec)+len(rec.Payload) != len(b) {
			t.Fatalf("Parse: got %d bytes of codec and %d of payload from %d", len(rec.Codec), len(rec.Payload), len(b))
		}
		// What was read is written as it stood, but for flags that are not AppendValue's, a claim, and a birth that
		// is not that of the stamp.
		again := record.Parse(record.AppendValue(nil, store.Fill{
			Held: store.Held{Stamp: rec.Stamp}, Absent: rec.Absent, Codec: string(rec.Codec), Payload: rec.Payload,
			FreshFor: rec.FreshFor, LoadCost: rec.LoadCost,
		}))
		rec.Claimed, again.Born = 0, rec.Born
		assert.Equal(t, rec, again)
	})
}
