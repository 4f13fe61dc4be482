package lock_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
)

func TestDoLetsGoHoweverItsFunctionEnds(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	boom := errors.New("boom")
	require.ErrorIs(t, l.Do(t.Context(), "k", func(context.Context) error { return boom }), boom)
	assert.Equal(t, int64(0), server.Do("dbsize"))

	assert.PanicsWithValue(t, "boom", func() {
		_ = l.Do(t.Context(), "k", func(context.Context) error { panic("boom") })
	})
	assert.Equal(t, int64(0), server.Do("dbsize"))

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.Do(context.Background(), "k", func(context.Context) error { runtime.Goexit(); return nil })
	}()
	soon(t, ended, "Do")
	assert.Equal(t, int64(0), server.Do("dbsize"))
}

func TestDoWithinDoRunsUnderTheSameLock(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	runs := 0
	require.NoError(t, l.Do(t.Context(), "k", func(ctx context.Context) error {
		outer, _ := lock.FenceOf(ctx)
		return l.Do(ctx, "other", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			return l.Do(ctx, "k", func(ctx context.Context) error {
				runs++
				inner, _ := lock.FenceOf(ctx)
				assert.Greater(t, inner, outer, "the innermost is that of other")
				return nil
			})
		})
	}))
	assert.Equal(t, 1, runs)
}

func TestDoAfterDoTakesTheLockAnew(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	k := take(t, l, "k")
	require.NoError(t, k.Unlock())
	require.NoError(t, l.Do(context.WithoutCancel(k.Context()), "k", func(context.Context) error {
		assert.Equal(t, int64(1), server.Do("exists", "lock:{k}"))
		return nil
	}))
}

func TestDoSaysThatTheLockWasLostThoughItsFunctionDidNotNotice(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(time.Minute))
	err := l.Do(t.Context(), "k", func(context.Context) error {
		server.Do("flushall")
		server.Do("set", "lock:{k}", "01900000000000000:somebody", "px", 60000)
		return nil
	})
	require.ErrorIs(t, err, lock.ErrLost)
}

func TestLockAllTakesAllOrNone(t *testing.T) {
	server := redistest.Start(t)
	l, other := open(t, server.Client(t)), open(t, server.Client(t))
	k, err := l.LockAll(t.Context(), []string{"c", "a", "b", "a"})
	require.NoError(t, err)
	assert.Equal(t, int64(3), server.Do("dbsize"))
	require.NoError(t, k.Unlock())
	assert.Equal(t, int64(0), server.Do("dbsize"))

	take(t, other, "b")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = l.LockAll(ctx, []string{"c", "a", "b"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, int64(0), server.Do("exists", "lock:{a}", "lock:{c}"))
	_, err = l.LockAll(t.Context(), nil)
	require.Error(t, err)
}

func TestLockAllEndsWhenOneOfThemIsLost(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(150*time.Millisecond))
	k, err := l.LockAll(t.Context(), []string{"a", "b"})
	require.NoError(t, err)
	server.Do("del", "lock:{a}")
	soon(t, k.Context().Done(), "Context")
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
	assert.Equal(t, int64(0), server.Do("exists", "lock:{b}"))
}
