package aside_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/aside"
)

// recorder is an Invalidator that notes what it is told, and fails where it should.
type recorder struct {
	t     *testing.T
	calls []string
	fails map[string]error
	token uint64
}

func (r *recorder) note(call string, keys []string) error {
	require.Equal(r.t, []string{"a", "b"}, keys)
	r.calls = append(r.calls, call)
	return r.fails[strings.Fields(call)[0]]
}

func (r *recorder) Invalidate(_ context.Context, keys ...string) error {
	return r.note("invalidate", keys)
}

func (r *recorder) Fence(_ context.Context, token uint64, d time.Duration, keys ...string) error {
	r.token = token
	return r.note(fmt.Sprint("fence ", d), keys)
}

func (r *recorder) Lift(_ context.Context, token uint64, probation time.Duration, keys ...string) error {
	require.NotZero(r.t, token)
	if r.token != 0 {
		require.Equal(r.t, r.token, token, "it lifts another's fence")
	}
	return r.note(fmt.Sprint("lift ", probation), keys)
}

func (r *recorder) write(err error) func(context.Context) error {
	return func(context.Context) error {
		r.calls = append(r.calls, "write")
		return err
	}
}

var (
	keys     = []string{"a", "b"}
	errWrite = errors.New("write failed")
	errStore = errors.New("store failed")
)

func TestStrategySurroundsTheWrite(t *testing.T) {
	tests := map[string]struct {
		strategy aside.Strategy
		want     []string
	}{
		"plain":     {aside.Strategy{}, []string{"write", "invalidate"}},
		"fence":     {aside.Strategy{Fence: time.Second}, []string{"fence 1s", "write", "lift 0s"}},
		"probation": {aside.Strategy{ReplicaLag: time.Second}, []string{"write", "lift 1s"}},
		"both": {
			aside.Strategy{Fence: time.Minute, ReplicaLag: time.Second}, []string{"fence 1m0s", "write", "lift 1s"},
		},
		"strict with a fence": {
			aside.Strategy{Fence: time.Second, Strict: true}, []string{"fence 1s", "write", "lift 0s"},
		},
	}
	for name, test := range tests {
		for _, werr := range []error{nil, errWrite} {
			t.Run(fmt.Sprint(name, " ", werr), func(t *testing.T) {
				r := &recorder{t: t}
				require.Equal(t, werr, test.strategy.Write(t.Context(), r, keys, r.write(werr)))
				require.Equal(t, test.want, r.calls)
			})
		}
	}
}

func TestEachWriteHasAFenceOfItsOwn(t *testing.T) {
	known := make(map[uint64]bool)
	for range 1000 {
		r := &recorder{t: t}
		require.NoError(t, aside.Strategy{Fence: time.Second}.Write(t.Context(), r, keys, r.write(nil)))
		require.NotZero(t, r.token)
		require.False(t, known[r.token])
		known[r.token] = true
	}
}

func TestStrategyGoesOnWithoutAFence(t *testing.T) {
	r := &recorder{t: t, fails: map[string]error{"fence": errStore}}
	require.NoError(t, aside.Strategy{Fence: time.Second}.Write(t.Context(), r, keys, r.write(nil)))
	require.Equal(t, []string{"fence 1s", "write", "lift 0s"}, r.calls)
}

func TestStrictStrategyDoesNotGoOnWithoutAFence(t *testing.T) {
	for _, fence := range []time.Duration{0, time.Second} {
		r := &recorder{t: t, fails: map[string]error{"fence": errStore, "invalidate": errStore}}
		err := aside.Strategy{Fence: fence, Strict: true}.Write(t.Context(), r, keys, r.write(nil))
		require.ErrorIs(t, err, aside.ErrRefused)
		require.ErrorIs(t, err, errStore)
		require.NotContains(t, r.calls, "write")
		if fence > 0 {
			require.Equal(t, "lift 0s", r.calls[len(r.calls)-1], "a fence may stand on some of the keys")
		}
	}
}

func TestStrategyReturnsBothErrors(t *testing.T) {
	for _, s := range []aside.Strategy{{}, {Fence: time.Second}, {ReplicaLag: time.Second}} {
		r := &recorder{t: t, fails: map[string]error{"invalidate": errStore, "lift": errStore}}
		err := s.Write(t.Context(), r, keys, r.write(errWrite))
		require.ErrorIs(t, err, errWrite)
		require.ErrorIs(t, err, errStore)
		require.ErrorIs(t, s.Write(t.Context(), r, keys, r.write(nil)), errStore)
	}
}

func TestStrategyInvalidatesAlsoWhereTheWriteDoesNotReturn(t *testing.T) {
	ends := map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit}
	for name, end := range ends {
		for _, s := range []aside.Strategy{{}, {Fence: time.Second}, {ReplicaLag: time.Second}} {
			t.Run(fmt.Sprint(name, s), func(t *testing.T) {
				r := &recorder{t: t}
				raised := make(chan any, 1)
				go func() {
					defer func() { raised <- recover() }()
					_ = s.Write(t.Context(), r, keys, func(context.Context) error { end(); return nil })
				}()
				if got := <-raised; name == "panic" {
					require.Equal(t, "boom", got)
				} else {
					require.Nil(t, got)
				}
				require.NotEmpty(t, r.calls)
				require.NotContains(t, r.calls[len(r.calls)-1], "fence")
			})
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	require.NoError(t, aside.Strategy{}.Validate())
	require.NoError(t, aside.Strategy{Fence: 1, ReplicaLag: 1, Strict: true}.Validate())
	require.ErrorContains(t, aside.Strategy{Fence: -1}.Validate(), "Fence")
	require.ErrorContains(t, aside.Strategy{ReplicaLag: -1}.Validate(), "ReplicaLag")
}
