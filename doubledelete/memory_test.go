package doubledelete_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/store"
)

func nothing(context.Context) error { return nil }

// delayed returns what was deleted otherwise than around a write, each of which makes two deletes.
func delayed(l *log, writes int) []string {
	lines := l.read()
	return lines[2*writes:]
}

func TestAKeyThatIsWrittenAgainIsDeletedOnceMoreAfterTheLaterWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{Delay: time.Second})
		require.NoError(t, s.Write(t.Context(), l, []string{"a", "b"}, nothing))
		time.Sleep(600 * time.Millisecond)
		require.NoError(t, s.Write(t.Context(), l, []string{"a"}, nothing))
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, []string{
			"0s delete a,b", "0s delete a,b", "600ms delete a", "600ms delete a", "1s delete b", "1.6s delete a",
		}, l.read())
	})
}

// The delay is measured anew between two writes, and is shorter then.
func TestAShorterDelayDoesNotBringALongerOneForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{Max: 5 * time.Second})
		a.Observe(200 * time.Millisecond)
		l := newLog()
		s := open(t, doubledelete.Options{Adaptive: a})
		require.NoError(t, s.Write(t.Context(), l, []string{"a"}, nothing)) // Max, until it was measured
		synctest.Wait()
		require.NoError(t, s.Write(t.Context(), l, []string{"a", "b"}, nothing))
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, []string{"200ms delete b", "5s delete a"}, delayed(l, 2))
	})
}

func TestWhatFailsIsRepeatedUntilItSucceedsAndReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports atomic.Int32
		l := newLog()
		s := open(t, doubledelete.Options{Error: func(_ context.Context, err error) {
			reports.Add(1)
			require.ErrorIs(t, err, errStore)
		}})
		require.NoError(t, s.Write(t.Context(), l, []string{"a", "b", "c"}, nothing))
		l.setFail(func([]string) error { return &store.KeysError{Keys: []string{"b"}, Err: errStore} })
		time.Sleep(time.Minute)
		l.setFail(nil)
		require.NoError(t, s.Close(t.Context()))
		lines := delayed(l, 1)
		require.Equal(t, "1s delete a,b,c", lines[0])
		for _, line := range lines[1:] {
			require.Contains(t, line, "delete b")
		}
		require.Greater(t, len(lines), 10, "it gave up")
		require.Less(t, len(lines), 60, "it does not back off")
		require.EqualValues(t, 1, reports.Load())
	})
}

// An error that joins others names some keys only.
func TestAllKeysAreRepeatedWhereAnErrorDoesNotNameThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{Error: func(context.Context, error) {}})
		require.NoError(t, s.Write(t.Context(), l, []string{"a", "b"}, nothing))
		l.setFail(func([]string) error {
			return errors.Join(errStore, &store.KeysError{Keys: []string{"b"}, Err: errStore})
		})
		time.Sleep(time.Second)
		synctest.Wait()
		l.setFail(nil)
		require.NoError(t, s.Close(t.Context()))
		require.Contains(t, delayed(l, 1)[1], "delete a,b")
	})
}

func TestAPanicOfTheStoreIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports atomic.Int32
		l := newLog()
		s := open(t, doubledelete.Options{Error: func(context.Context, error) { reports.Add(1) }})
		require.NoError(t, s.Write(t.Context(), l, []string{"a"}, nothing))
		l.setFail(func([]string) error { l.fail = nil; panic("store") })
		require.NoError(t, s.Close(t.Context()))
		require.Len(t, delayed(l, 1), 2)
		require.EqualValues(t, 1, reports.Load())
	})
}

func TestCloseWaitsForWhatIsDueLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{Delay: 20 * time.Second})
		require.NoError(t, s.Write(t.Context(), l, []string{"a"}, nothing))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		require.NoError(t, s.Close(ctx))
		require.Equal(t, []string{"20s delete a"}, delayed(l, 1))
		require.NoError(t, s.Close(ctx))
	})
}

func TestCloseTellsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{Delay: 40 * time.Second})
		require.NoError(t, s.Write(t.Context(), l, []string{"a", "b"}, nothing))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := s.Close(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var left *store.KeysError
		require.ErrorAs(t, err, &left)
		require.ElementsMatch(t, []string{"a", "b"}, left.Keys)
		time.Sleep(time.Minute)
		require.Empty(t, delayed(l, 1), "it goes on after Close")
	})
}

// The store hangs: Close leaves at its time, tells of the keys in hand, and nobody tries again.
func TestCloseDoesNotWaitForAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{Error: func(context.Context, error) {}})
		require.NoError(t, s.Write(t.Context(), l, []string{"a"}, nothing))
		l.hang = time.Hour
		l.setFail(func([]string) error { return errStore })
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		begin := time.Now()
		var left *store.KeysError
		require.ErrorAs(t, s.Close(ctx), &left)
		require.Equal(t, []string{"a"}, left.Keys)
		require.Equal(t, 30*time.Second, time.Since(begin))
		time.Sleep(3 * time.Hour)
		require.Len(t, delayed(l, 1), 1)
	})
}

func TestAfterCloseTheDelayedDeleteIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{})
		require.NoError(t, s.Close(t.Context()))
		err := s.Write(t.Context(), l, []string{"a"}, l.write(nil))
		require.ErrorIs(t, err, doubledelete.ErrClosed)
		require.Equal(t, []string{"0s delete a", "0s write", "0s delete a"}, l.read())
	})
}

// tally counts keys, and can be made to hang and to fail.
type tally struct {
	store.Invalidator // nil: nothing else is called

	calls, keys atomic.Int64
	slow        atomic.Bool
}

func (c *tally) Invalidate(_ context.Context, keys ...string) error {
	if c.slow.Load() {
		time.Sleep(time.Second)
		return errStore
	}
	c.calls.Add(1)
	c.keys.Add(int64(len(keys)))
	return nil
}

// full returns a strategy that has room for one more key.
func full(t *testing.T) (*doubledelete.Strategy, *tally, int) {
	t.Helper()
	names := make([]string, 1<<17-1)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	s := open(t, doubledelete.Options{Error: func(context.Context, error) {}})
	c := new(tally)
	require.NoError(t, s.Write(t.Context(), c, names, nothing))
	c.calls.Store(0)
	c.keys.Store(0)
	return s, c, len(names)
}

func TestKeysThatFindNoRoomAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c, n := full(t)
		err := s.Write(t.Context(), c, []string{"0", "x", "y"}, nothing) // one is known, for one there is room
		require.ErrorIs(t, err, doubledelete.ErrFull)
		var refused *store.KeysError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, []string{"y"}, refused.Keys)

		require.NoError(t, s.Close(t.Context()))
		require.EqualValues(t, n+1, c.keys.Load()-2*3)
		require.EqualValues(t, (n+1)/1000+1, c.calls.Load()-2, "deletes of at most 1000 keys")
	})
}

// Those that are being deleted may have to be put back.
func TestKeysInHandTakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c, n := full(t)
		require.NoError(t, s.Write(t.Context(), c, []string{"last"}, nothing))
		c.slow.Store(true)
		time.Sleep(1500 * time.Millisecond)
		c.slow.Store(false)
		require.ErrorIs(t, s.Write(t.Context(), c, []string{"new"}, nothing), doubledelete.ErrFull)
		require.NoError(t, s.Close(t.Context()))
		require.EqualValues(t, n+1, c.keys.Load()-2*2, "none is lost")
	})
}
