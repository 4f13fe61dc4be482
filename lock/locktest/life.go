package locktest

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/lock"
)

func unlockMayBeRepeated(t *testing.T, s Service) {
	k := take(t, s.open(t), "twice")
	require.NoError(t, k.Context().Err())
	require.Positive(t, k.Fence())
	require.NoError(t, k.Unlock())
	require.Error(t, k.Context().Err())
	require.NotErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	next := take(t, s.open(t), "twice")
	require.NoError(t, k.Unlock(), "again")
	_, err := s.open(t).TryLock(t.Context(), "twice")
	require.ErrorIs(t, err, lock.ErrHeld, "what was unlocked again was not the lock of another")
	require.NoError(t, next.Unlock())
}

// Its holder may still be writing.
func aLockStandsUntilUnlock(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	k, err := l.Lock(ctx, "orphan")
	require.NoError(t, err)
	cancel()
	soon(t, k.Context().Done(), "Context")
	require.NotErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	_, err = other.TryLock(t.Context(), "orphan")
	require.ErrorIs(t, err, lock.ErrHeld)
	require.NoError(t, k.Unlock())
	take(t, other, "orphan")
}

func aLockIsRenewed(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	k := take(t, l, "long")
	for end := time.Now().Add(s.TTL*5/2 + 100*time.Millisecond); time.Now().Before(end); time.Sleep(s.TTL / 8) {
		_, err := other.TryLock(t.Context(), "long")
		require.ErrorIs(t, err, lock.ErrHeld)
	}
	require.NoError(t, k.Context().Err())
	require.NoError(t, k.Unlock())
}

func maxHoldBoundsAHolder(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	start := time.Now()
	k := take(t, l, "stuck", lock.MaxHold(s.TTL*3/2))
	soon(t, k.Context().Done(), "Context")
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	require.InDelta(t, (s.TTL * 3 / 2).Seconds(), time.Since(start).Seconds(), s.TTL.Seconds())
	take(t, other, "stuck") // though its holder does not let go
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
}

func doWithinDo(t *testing.T, s Service) {
	l := s.open(t)
	runs := 0
	require.NoError(t, l.Do(t.Context(), "outer", func(ctx context.Context) error {
		return l.Do(ctx, "inner", func(ctx context.Context) error {
			inner, _ := lock.FenceOf(ctx)
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			return l.Do(ctx, "outer", func(ctx context.Context) error {
				runs++
				fence, ok := lock.FenceOf(ctx)
				assert.True(t, ok)
				assert.Equal(t, inner, fence, "the innermost is that of inner")
				return nil
			})
		})
	}))
	require.Equal(t, 1, runs)
	_, ok := lock.FenceOf(t.Context())
	require.False(t, ok)
}

func doLetsGo(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	free := func() {
		k, err := other.TryLock(t.Context(), "done")
		require.NoError(t, err)
		require.NoError(t, k.Unlock())
	}
	boom := errors.New("boom")
	require.ErrorIs(t, l.Do(t.Context(), "done", func(context.Context) error { return boom }), boom)
	free()
	require.PanicsWithValue(t, "boom", func() {
		_ = l.Do(t.Context(), "done", func(context.Context) error { panic("boom") })
	})
	free()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.Do(context.Background(), "done", func(context.Context) error { runtime.Goexit(); return nil })
	}()
	soon(t, ended, "Do")
	free()
}

func closeEndsWaiting(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	k, theirs := take(t, l, "mine"), take(t, other, "theirs")
	here, there := behind(t.Context(), l, "mine"), behind(t.Context(), l, "theirs")
	time.Sleep(100 * time.Millisecond)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, soon(t, here, "Lock").err, lock.ErrClosed)
	require.ErrorIs(t, soon(t, there, "Lock").err, lock.ErrClosed)
	_, err := l.TryLock(t.Context(), "another")
	require.ErrorIs(t, err, lock.ErrClosed)
	require.NoError(t, k.Context().Err())
	_, err = other.TryLock(t.Context(), "mine")
	require.ErrorIs(t, err, lock.ErrHeld)
	require.NoError(t, k.Unlock())
	require.NoError(t, theirs.Unlock())
	take(t, other, "mine")
}
