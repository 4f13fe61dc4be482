package doubledelete_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

var (
	errWrite = errors.New("write failed")
	errStore = errors.New("store failed")
)

// log notes what happens, and when.
type log struct {
	store.Invalidator // nil: nothing else is called

	mu    sync.Mutex
	start time.Time
	lines []string
	fail  func(keys []string) error
	hang  time.Duration
}

func newLog() *log { return &log{start: time.Now()} }

func (l *log) note(what string, keys ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(keys)
	l.lines = append(l.lines, strings.TrimSpace(fmt.Sprintf("%v %s %s", time.Since(l.start), what, strings.Join(keys, ","))))
}

func (l *log) read() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func (l *log) setFail(fail func(keys []string) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = fail
}

func (l *log) Invalidate(_ context.Context, keys ...string) error {
	l.note("delete", slices.Clone(keys)...)
	time.Sleep(l.hang)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail(keys)
	}
	return nil
}

func (l *log) write(err error) func(context.Context) error {
	return func(context.Context) error {
		l.note("write")
		return err
	}
}

// scheduler notes what is to be scheduled.
type scheduler struct {
	*log
	err error
}

func (s *scheduler) Schedule(_ context.Context, delay time.Duration, keys ...string) error {
	s.note(fmt.Sprint("schedule ", delay), slices.Clone(keys)...)
	return s.err
}

func open(t *testing.T, opts doubledelete.Options) *doubledelete.Strategy {
	t.Helper()
	s := doubledelete.New(opts)
	require.NoError(t, s.Validate())
	t.Cleanup(func() { _ = s.Close(t.Context()) }) // its context has ended: whatever is left ends
	return s
}

func TestKeysAreDeletedBeforeAndAfterTheWriteAndOnceMore(t *testing.T) {
	for _, werr := range []error{nil, errWrite} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			s := open(t, doubledelete.Options{Delay: 500 * time.Millisecond})
			require.Equal(t, werr, s.Write(t.Context(), l, []string{"a", "b"}, l.write(werr)))
			require.NoError(t, s.Close(t.Context()))
			require.Equal(t, []string{"0s delete a,b", "0s write", "0s delete a,b", "500ms delete a,b"}, l.read())
		})
	}
}

func TestTheDelayIsASecondIfNothingIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{})
		require.NoError(t, s.Write(t.Context(), l, []string{"a"}, l.write(nil)))
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, "1s delete a", l.read()[3])
	})
}

// The delay counts from the end of the write, which may take as long as it likes.
func TestTheDelayCountsFromTheEndOfTheWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{})
		require.NoError(t, s.Write(t.Context(), l, []string{"a"}, func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		}))
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, []string{"0s delete a", "1m0s delete a", "1m1s delete a"}, l.read())
	})
}

func TestTheDelayedDeleteOutlivesTheCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, s.Write(ctx, l, []string{"a"}, func(context.Context) error { cancel(); return nil }))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"0s delete a", "0s delete a", "1s delete a"}, l.read())
	})
}

func TestAPanicOfTheWriteIsFollowedByAllDeletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{})
		require.PanicsWithValue(t, "boom", func() {
			_ = s.Write(t.Context(), l, []string{"a"}, func(context.Context) error { panic("boom") })
		})
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, []string{"0s delete a", "0s delete a", "1s delete a"}, l.read())
	})
}

// A process that is killed at any point between commit and delete has scheduled a delete before.
func TestTheSchedulerIsToldBeforeTheWriteAndBeforeTheLastDelete(t *testing.T) {
	l := newLog()
	l.start = time.Now().Add(time.Hour) // times do not matter here
	s := open(t, doubledelete.Options{Delay: time.Minute, Scheduler: &scheduler{log: l}})
	require.NoError(t, s.Write(t.Context(), l, []string{"a"}, l.write(nil)))
	require.NoError(t, s.Close(t.Context()))
	var what []string
	for _, line := range l.read() {
		_, rest, _ := strings.Cut(line, " ")
		what = append(what, rest)
	}
	require.Equal(t, []string{
		"schedule 1m0s a", "delete a", "write", "schedule 1m0s a", "delete a",
	}, what)
}

func TestTheSchedulersContextOutlivesTheCallers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := open(t, doubledelete.Options{Scheduler: schedulerFunc(func(ctx context.Context) error {
		_, bounded := ctx.Deadline()
		require.True(t, bounded)
		return ctx.Err()
	})})
	l := newLog()
	require.NoError(t, s.Write(ctx, l, []string{"a"}, l.write(nil)))
}

type schedulerFunc func(context.Context) error

func (f schedulerFunc) Schedule(ctx context.Context, _ time.Duration, _ ...string) error {
	return f(ctx)
}

func TestAnErrorOfTheSchedulerIsThatOfTheWriteAndTheKeysAreDeletedAllTheSame(t *testing.T) {
	for _, werr := range []error{nil, errWrite} {
		l := newLog()
		s := open(t, doubledelete.Options{Scheduler: &scheduler{log: l, err: errStore}})
		err := s.Write(t.Context(), l, []string{"a"}, l.write(werr))
		require.ErrorIs(t, err, errStore)
		if werr != nil {
			require.ErrorIs(t, err, werr)
		}
		require.Len(t, l.read(), 5)
	}
}

// What fails before the write is done again after it.
func TestAFailureBeforeTheWriteIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.setFail(func([]string) error { return errStore })
		s := open(t, doubledelete.Options{})
		require.NoError(t, s.Write(t.Context(), l, []string{"a"}, func(context.Context) error {
			l.setFail(nil)
			return nil
		}))
	})
}

func TestAFailedDeleteAfterTheWriteIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := open(t, doubledelete.Options{})
		err := s.Write(t.Context(), l, []string{"a"}, func(context.Context) error {
			l.setFail(func([]string) error { return errStore })
			return errWrite
		})
		require.ErrorIs(t, err, errStore)
		require.ErrorIs(t, err, errWrite)
		l.setFail(nil)
	})
}

func TestOptionsThatMakeNoSenseAreNamed(t *testing.T) {
	for want, opts := range map[string]doubledelete.Options{
		"Options.Delay": {Delay: -1},
		"AdaptiveOptions.Min": {
			Adaptive: doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{Min: -1}),
		},
		"AdaptiveOptions.Max": {
			Adaptive: doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{Min: time.Minute, Max: time.Second}),
		},
	} {
		require.ErrorContains(t, doubledelete.New(opts).Validate(), want)
	}
}

// With a fence within, neither the deletes around the write nor the delayed one lift the fences of other writers.
func TestDeletesBesideAFenceLeaveTheFencesOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		s := doubledelete.New(doubledelete.Options{Delay: time.Second, Within: aside.Strategy{Fence: time.Minute}})
		require.NoError(t, st.Fence(t.Context(), 7, time.Hour, "k"))
		require.NoError(t, s.Write(t.Context(), st, []string{"k"}, func(context.Context) error { return nil }))
		stands := func() {
			t.Helper()
			rec, err := st.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, store.Fence, rec.Kind)
		}
		stands()
		time.Sleep(2 * time.Second)
		stands()
		require.NoError(t, s.Close(t.Context()))
	})
}
