package bench_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// A miss against GET, load, SET.
func BenchmarkMiss(b *testing.B) {
	r := newRig(b)
	var mine, theirs int64
	pair(b,
		func() error { mine++; _, err := r.cache.Get(context.Background(), mine); return err },
		func() error {
			theirs++
			key := "plain:" + strconv.FormatInt(theirs, 10)
			if err := r.get(key); !errors.Is(err, redis.Nil) {
				return err
			}
			p := make300(theirs)
			return r.set(key, p)
		})
}

func TestAMissSendsThreeCommands(t *testing.T) {
	r := newRig(t)
	_, err := r.cache.Get(t.Context(), 1) // loads the scripts
	require.NoError(t, err)
	commands, _ := r.sent.during(func() {
		_, err := r.cache.Get(t.Context(), 2)
		require.NoError(t, err)
	})
	require.EqualValues(t, 3, commands)
}
