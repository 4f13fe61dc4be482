package redisstore_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

// The scripts and package record write down the same layout in two languages.
func TestScriptsWriteTheLayoutOfPackageRecord(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	raw := func(key string) string {
		s, _ := server.Do("get", key).(string)
		return s
	}
	stamp := func(held store.Held) string { return string(record.AppendStamp(nil, held.Stamp)) }
	// near checks that b is a time of d from now in µs.
	near := func(d time.Duration, b string) {
		t.Helper()
		require.Len(t, b, 8)
		at := time.UnixMicro(int64(binary.BigEndian.Uint64([]byte(b))))
		assert.WithinDuration(t, time.Now().Add(d), at, 5*time.Second)
	}

	held := lease(t, st, "lease")
	assert.Equal(t, "\xc1L\x00\x00"+stamp(held), raw("lease"))
	near(0, raw("lease")[12:20])
	require.Equal(t, store.Lease, st.Lease(t.Context(), store.Ask{Key: "lease"})[0].Kind)
	assert.Equal(t, "\xc1L\x02\x00"+stamp(held), raw("lease"), "a lease that somebody waits for")

	held = lease(t, st, "value")
	fill := store.Fill{
		Held: held, Codec: "msgpack", Payload: []byte("\x81\x00payload"),
		FreshFor: 90 * time.Second, LoadCost: 7 * time.Millisecond, TTL: time.Minute,
	}
	require.Equal(t, store.Verdict{Accepted: true}, st.Fill(t.Context(), fill)[0])
	want := string(record.AppendValue(nil, fill))
	assert.Equal(t, want, raw("value"))

	claim := ask(t, st, store.Ask{Key: "value", Mode: store.Refresh, Hold: 12345 * time.Millisecond})
	assert.Equal(t, want[:4]+stamp(claim)+want[20:34]+"\x04\xd3"+want[36:], raw("value"), "1235 units of 10 ms")
	require.NoError(t, st.Release(t.Context(), false, claim))
	assert.Equal(t, want[:4]+stamp(claim)+want[20:], raw("value"))

	require.NoError(t, st.Fence(t.Context(), 1<<63|5, time.Hour, "fence"))
	fence := raw("fence")
	assert.Equal(t, "\xc1F\x00\x01\x80\x00\x00\x00\x00\x00\x00\x05", fence[:12])
	near(time.Hour, fence[12:])
	require.NoError(t, st.Fence(t.Context(), 6, time.Minute, "fence"))
	assert.Equal(t, "\xc1F\x00\x02"+fence[4:]+"\x00\x00\x00\x00\x00\x00\x00\x06", raw("fence")[:28])

	require.NoError(t, st.Lift(t.Context(), 0, time.Hour, "probation"))
	probation := raw("probation")
	assert.Equal(t, "\xc1P\x00\x00", probation[:4])
	near(time.Hour, probation[4:])

	require.NoError(t, st.Fence(t.Context(), 7, time.Minute, "probation"))
	fence = raw("probation")
	assert.Equal(t, "\xc1F\x00\x02\x00\x00\x00\x00\x00\x00\x00\x07", fence[:12])
	assert.Equal(t, strings.Repeat("\x00", 8)+probation[4:], fence[20:], "what lies below the fence")
	require.NoError(t, st.Lift(t.Context(), 7, time.Hour, "probation"))

	probation = raw("probation")
	held = lease(t, st, "probation")
	onProbation := raw("probation")
	assert.Equal(t, "\xc1L\x04\x00"+stamp(held)+probation[4:], onProbation[:28])
	near(time.Second, onProbation[28:])

	fill.Held, fill.TTL = held, 2*time.Hour
	require.Equal(t, store.Verdict{Accepted: true}, st.Fill(t.Context(), fill)[0])
	want = string(record.AppendValue(nil, fill))
	assert.Equal(t, want[:2]+"\x04"+want[3:], raw("probation"), "a value on probation")
}

func TestClaimsAreRoundedUpAndBounded(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	for _, c := range []struct{ hold, want time.Duration }{
		{-time.Second, 0},
		{0, 0},
		{1, 10 * time.Millisecond},
		{10 * time.Millisecond, 10 * time.Millisecond},
		{10*time.Millisecond + 1, 20 * time.Millisecond},
		{time.Hour, 655350 * time.Millisecond},
	} {
		held := value(t, st, "k", "v")
		ask(t, st, store.Ask{Key: "k", Mode: store.Refresh, Over: held.Stamp, Hold: c.hold})
		assert.Equal(t, c.want, get(t, st, "k").Claimed, "Hold %v", c.hold)
		require.NoError(t, st.Invalidate(t.Context(), "k"))
	}
}
