package redisstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/redisstore"
)

// types are commands that make a key of each type that is no string.
var types = [][]any{
	{"rpush", "k", "x"},
	{"sadd", "k", "x"},
	{"hset", "k", "f", "x"},
	{"zadd", "k", 1, "x"},
	{"xadd", "k", "*", "f", "x"},
}

func TestAKeyOfAnotherTypeIsForeignAndNotInTheWay(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	for _, command := range types {
		put := func() { server.Do("del", "k"); server.Do(command...) }
		put()
		assert.Equal(t, store.Foreign, get(t, st, "k").Kind, "Get after %v", command)
		recs, err := st.GetMany(t.Context(), []string{"k", "other"})
		require.NoError(t, err)
		assert.NotEqual(t, store.Value, recs[0].Kind)

		notInTheWay(t, st, put)
	}
}

// spoilt are strings that are no records, or records of no sense.
func spoilt() map[string]string {
	huge := "\xff\xff\xff\xff\xff\xff\xff\xff"
	return map[string]string{
		"empty":                           "",
		"a number":                        "12345",
		"text":                            "hello, world; this is longer than any header that there is",
		"another version":                 "\xc2V\x00\x00" + string(make([]byte, 40)),
		"a version alone":                 "\xc1",
		"an unknown kind":                 "\xc1X\x00\x00" + string(make([]byte, 40)),
		"a value cut short":               "\xc1V\x00\x03" + string(make([]byte, 32)),
		"a value cut in its codec":        "\xc1V\x00\x08" + string(make([]byte, 35)),
		"a value with a long codec":       "\xc1V\x00\x0c" + string(make([]byte, 80)),
		"a lease cut short":               "\xc1L\x00\x00" + string(make([]byte, 15)),
		"a lease too long":                "\xc1L\x00\x00" + string(make([]byte, 17)),
		"a short lease on probation":      "\xc1L\x04\x00" + string(make([]byte, 16)),
		"a long lease without probation":  "\xc1L\x00\x00" + string(make([]byte, 32)),
		"a fence of nobody":               "\xc1F\x00\x00",
		"a fence cut short":               "\xc1F\x00\x02" + string(make([]byte, 31)),
		"a fence of more than it says":    "\xc1F\x00\x01" + string(make([]byte, 32)),
		"a probation cut short":           "\xc1P\x00\x00" + string(make([]byte, 7)),
		"a probation too long":            "\xc1P\x00\x00" + string(make([]byte, 9)),
		"a fence that has ended":          "\xc1F\x00\x01" + string(make([]byte, 16)),
		"a probation that has ended":      "\xc1P\x00\x00" + string(make([]byte, 8)),
		"a lease for ever":                "\xc1L\x00\x00" + string(make([]byte, 16)),
		"a lease for ever, on probation":  "\xc1L\x04\x00" + string(make([]byte, 16)) + huge + huge,
		"a fence for ever":                "\xc1F\xff\x01" + huge + huge,
		"a probation for ever":            "\xc1P\x00\x00" + huge,
		"a fence over probation for ever": "\xc1F\x00\x02" + huge + huge + string(make([]byte, 8)) + huge,
	}
}

func TestASpoiltRecordIsNotInTheWay(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	for name, content := range spoilt() {
		t.Run(name, func(t *testing.T) {
			put := func() { server.Do("set", "k", content) } // without a TTL: nothing of ours is for ever
			put()
			assert.NotEqual(t, store.Value, get(t, st, "k").Kind)
			notInTheWay(t, st, put)
		})
	}
}

// notInTheWay takes the key through every operation, from what put leaves there.
func notInTheWay(t *testing.T, st *redisstore.Store, put func()) {
	t.Helper()
	ctx := t.Context()
	stranger := store.Held{Key: "k", Stamp: store.Stamp{Nonce: 1, Granted: 2}}
	put()
	assert.False(t, offer(t, st, stranger, "v"))
	assert.False(t, offer(t, st, store.Held{Key: "k"}, "v"))
	require.NoError(t, st.Release(ctx, true, stranger))
	require.NoError(t, st.Renew(ctx, stranger))
	for _, mode := range []store.Mode{store.IfMissing, store.Refresh, store.Discard} {
		put()
		held := ask(t, st, store.Ask{Key: "k", Mode: mode, Hold: time.Second})
		assert.True(t, offer(t, st, held, "v"))
		assert.Equal(t, "v", string(get(t, st, "k").Payload))
	}
	put()
	require.NoError(t, st.Fence(ctx, 1, time.Minute, "k"))
	assert.Equal(t, store.Fence, get(t, st, "k").Kind)
	put()
	require.NoError(t, st.Lift(ctx, 1, time.Minute, "k"))
	assert.Equal(t, store.Probation, get(t, st, "k").Kind)
	put()
	require.NoError(t, st.Lift(ctx, 1, 0, "k"))
	assert.Equal(t, store.Missing, get(t, st, "k").Kind)
	put()
	require.NoError(t, st.Invalidate(ctx, "k"))
	assert.Equal(t, store.Missing, get(t, st, "k").Kind)
}

// What a record says of its end is believed no further than the key lasts.
func TestASpoiltRecordEndsWithItsKey(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	huge := "\xff\xff\xff\xff\xff\xff\xff\xff"
	for name, content := range map[string]string{
		"probation": "\xc1P\x00\x00" + huge,
		"fence":     "\xc1F\x00\x01" + huge + huge,
		"lease":     "\xc1L\x04\x00" + string(make([]byte, 16)) + huge + huge,
	} {
		server.Do("set", name, content, "px", 60_000)
		require.NoError(t, st.Fence(t.Context(), 1, time.Second, name))
		ttl, _ := server.Do("pttl", name).(int64)
		assert.LessOrEqual(t, ttl, int64(60_100), name)
		require.NoError(t, st.Lift(t.Context(), 1, 0, name))
	}
}

// No string of bytes makes a script fail, and the scripts take for a record what package record does.
func TestNoContentBreaksAScript(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	client := server.Client(t)
	ctx := t.Context()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		content := make([]byte, rng.IntN(60))
		for i := range content {
			content[i] = byte(rng.Uint32())
		}
		copy(content, []byte{record.Version, "VLFPX"[rng.IntN(5)], byte(rng.IntN(8)), byte(rng.IntN(4))})
		ttl := time.Minute * time.Duration(rng.IntN(2))
		put := func() { require.NoError(t, client.Set(ctx, "k", content, ttl).Err()) }
		held := store.Held{Key: "k"}
		if len(content) >= 20 {
			held.Stamp = record.Stamp(content[4:])
		}
		msg := fmt.Sprintf("%x", content)

		require.NoError(t, client.Set(ctx, "k", content, time.Minute).Err())
		g := st.Lease(ctx, store.Ask{Key: "k"})[0]
		switch kind := record.Parse(content).Kind; {
		case kind == store.Value || kind == store.Lease && !record.Layered(content):
			require.Equal(t, kind, g.Kind, msg)
		case kind == store.Foreign || kind == store.Probation:
			require.True(t, g.Granted(), msg)
		default: // what has ended is not in the way
			require.True(t, g.Granted() || g.Kind == kind, msg)
		}

		for _, do := range []func() error{
			func() error {
				return st.Lease(ctx, store.Ask{Key: "k", Mode: store.Mode(rng.IntN(3)), Over: held.Stamp, Hold: time.Hour})[0].Err
			},
			func() error {
				return st.Fill(ctx, store.Fill{Held: held, Payload: []byte("v"), TTL: time.Minute})[0].Err
			},
			func() error { return st.Renew(ctx, held) },
			func() error { return st.Release(ctx, rng.IntN(2) == 0, held) },
			func() error { return st.Fence(ctx, rng.Uint64(), time.Minute, "k") },
			func() error { return st.Lift(ctx, rng.Uint64(), time.Minute, "k") },
		} {
			put()
			require.NoError(t, do(), msg)
			_, err := st.Get(ctx, "k")
			require.NoError(t, err, msg)
			_, err = st.GetMany(ctx, []string{"k", "other"})
			require.NoError(t, err, msg)
		}
	}
}

// Keys share a command, and not its fate.
func TestAKeyThatMayNotBeDeletedDoesNotKeepOthers(t *testing.T) {
	server := redistest.Start(t)
	server.Do("acl", "setuser", "some", "on", "nopass", "+@all", "~ok:*")
	st := open(t, server.Client(t, func(o *redis.Options) { o.Username, o.Password = "some", "any" }))
	server.Do("set", "ok:1", "x")
	server.Do("set", "no:1", "x")
	server.Do("set", "ok:2", "x")
	err := st.Invalidate(t.Context(), "ok:1", "no:1", "ok:2")
	kerr, ok := errors.AsType[*store.KeysError](err)
	require.True(t, ok)
	require.Equal(t, []string{"no:1"}, kerr.Keys)
	require.EqualValues(t, 0, server.Do("exists", "ok:1", "ok:2"))
}
