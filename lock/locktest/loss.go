package locktest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/lock"
)

// slack is what a busy machine may add.
const slack = time.Second

func aHolderIsTold(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	k := take(t, l, "evicted")
	start := time.Now()
	s.Evict(t, "evicted")
	soon(t, k.Context().Done(), "Context")
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	require.Less(t, time.Since(start), s.TTL+slack)
	next := take(t, other, "evicted")
	require.Greater(t, next.Fence(), k.Fence())
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
	require.ErrorIs(t, k.Unlock(), lock.ErrLost, "again")
	_, err := s.open(t).TryLock(t.Context(), "evicted")
	require.ErrorIs(t, err, lock.ErrHeld, "the late Unlock was not for this one")
	require.NoError(t, next.Unlock())

	err = l.Do(t.Context(), "evicted", func(ctx context.Context) error {
		s.Evict(t, "evicted")
		soon(t, ctx.Done(), "Context")
		return nil
	})
	require.ErrorIs(t, err, lock.ErrLost, "though its function did not mind")
}

func aHolderThatVanishes(t *testing.T, s Service) {
	l, cut := s.Open(t)
	other := s.open(t)
	k, err := l.Lock(t.Context(), "vanished")
	require.NoError(t, err)
	c := behind(t.Context(), other, "vanished")
	time.Sleep(s.TTL / 2) // it has been renewed at least once
	cut()
	start := time.Now()
	r := soon(t, c, "Lock")
	require.NoError(t, r.err)
	took := r.at.Sub(start)
	t.Logf("taken over after %v of at most %v", took, s.Takeover)
	require.Less(t, took, s.Takeover+slack)
	require.Greater(t, r.lock.Fence(), k.Fence())

	// The holder, by its own clock, was told before.
	require.Less(t, time.Since(r.at), slack)
	select {
	case <-k.Context().Done():
	case <-time.After(50 * time.Millisecond): // for the scheduler
		require.Fail(t, "two believe that they hold it")
	}
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
	require.NoError(t, r.lock.Context().Err())
	require.NoError(t, r.lock.Unlock())
}

func aWaiterThatVanishes(t *testing.T, s Service) {
	holder := s.open(t)
	l, cut := s.Open(t)
	other := s.open(t)
	k := take(t, holder, "queue")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := behind(ctx, l, "queue")
	time.Sleep(200 * time.Millisecond) // it waits
	c := behind(t.Context(), other, "queue")
	time.Sleep(200 * time.Millisecond)
	cut()
	require.NoError(t, k.Unlock())
	start := time.Now()
	r := soon(t, c, "Lock")
	require.NoError(t, r.err)
	require.Less(t, r.at.Sub(start), s.Takeover+slack)
	require.NoError(t, r.lock.Unlock())
	cancel()
	require.Error(t, soon(t, gone, "Lock").err)
}

func withoutTheService(t *testing.T, s Service) {
	l := s.open(t)
	k := take(t, l, "before")
	s.Stop(t)
	soon(t, k.Context().Done(), "Context")
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, f := range []func(context.Context, string, ...lock.Option) (*lock.Lock, error){l.Lock, l.TryLock} {
		none, err := f(ctx, "after")
		require.Error(t, err)
		require.Nil(t, none)
		require.NoError(t, ctx.Err(), "it does not wait for the service until its context ends")
		require.NotErrorIs(t, err, lock.ErrHeld)
		require.NotErrorIs(t, err, lock.ErrLost)
	}
	require.Error(t, k.Unlock())
}
