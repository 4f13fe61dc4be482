package integration_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/sqltest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

func outboxSuite(t *testing.T, e *engine) {
	t.Helper()
	for _, test := range []struct {
		claim string
		run   func(*testing.T, *engine)
	}{
		{"WhatIsCommittedIsPublishedInOrderAndWhatIsRolledBackIsNot", committedOnly},
		{"AnyKeySurvivesTheTable", oddKeys},
		{"ARowThatCommitsAfterLaterOnesIsPublishedAndHoldsUpNothing", lateCommit},
		{"NothingIsLockedWhileThePublisherHangs", hangingPublisher},
		{"WritersDoNotNoticeThatThePublisherIsDown", publisherDown},
		{"AnEventThatIsRefusedForGoodBlocksNothingAndIsNotLost", refusedForGood},
		{"AnEventThatAloneFailsBlocksNothing", failsAlone},
		{"EventsForWhichThePublisherHangsBlockNoOthers", hangsForSome},
		{"ManyParkedEventsBlockNoOthers", manyParked},
		{"AnEventThatCannotBeReadBlocksNothing", unreadable},
		{"APanicOfThePublisherIsAnError", panics},
		{"OneOfTwoRelaysPublishesAndTheOtherTakesOver", takeover},
		{"ARelayThatCannotPublishLetsAnotherTry", stepsDown},
		{"AServerThatIsReadOnlyElectsNobody", readOnly},
		{"ADatabaseThatRestartsIsFoundAgain", restarts},
		{"AddWorksThroughAFewLinesAroundPgx", throughPgx},
		{"AWriteThatUpdatesACacheIsPublished", updates},
		{"NothingIsLostWhenRelaysAreKilled", killed},
		{"AFrozenRelayIsReplaced", frozen},
		{"Figures", figures},
	} {
		t.Run(test.claim, func(t *testing.T) { test.run(t, e) })
	}
}

func committedOnly(t *testing.T, e *engine) {
	d, b, r := e.database(t), outbox.New(e.dialect), &recorder{}
	d.add(t, b, events("a", "b")...)
	tx, err := d.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, b.Add(t.Context(), tx, events("rolled back")...))
	require.NoError(t, tx.Rollback())
	d.add(t, b, events("c")...)
	depth := d.depth(t)
	require.EqualValues(t, 3, depth.Events)
	require.Zero(t, depth.Parked)
	require.Less(t, depth.Oldest, time.Minute)

	d.relay(t, b, r)
	d.published(t, r, "a", "b", "c")
	d.add(t, b, events(named("k", 1234)...)...)
	b.Kick()
	d.published(t, r, append([]string{"a", "b", "c"}, named("k", 1234)...)...)
	require.Equal(t, outbox.Stats{Published: 1237, Leading: true}, b.Stats())
	require.Zero(t, d.depth(t).Oldest)

	require.ErrorIs(t, b.Add(t.Context(), d.DB, events("a")...), outbox.ErrNoTransaction)
	require.ErrorIs(t, b.Add(t.Context(), d, events("a")...), outbox.ErrNoTransaction, "it embeds one")
}

func oddKeys(t *testing.T, e *engine) {
	d, b, r := e.database(t), outbox.New(e.dialect), &recorder{}
	keys := []string{
		"a'; DROP TABLE cache_outbox --", `\`, `"`, "\x00", "\xff\xfe", "ü", "\U0001F600", strings.Repeat("long", 10_000),
		strings.Repeat("\xf0", 1000), "\u2028", "%s$1?",
	}
	d.add(t, b, events(keys...)...)
	d.relay(t, b, r)
	d.published(t, r, keys...)

	large := invalidation.NewEvent("test", named(strings.Repeat("x", 1000), 1200)...)
	d.add(t, b, large)
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "the table is drained")
	require.Greater(t, len(r.keys()), len(keys)+3, "it was divided")
	require.Equal(t, large.Keys[0], r.keys()[len(keys)])
}

func lateCommit(t *testing.T, e *engine) {
	if e.dialect == outbox.SQLite {
		t.Skip("one transaction at a time")
	}
	d, b, r := e.database(t), outbox.New(e.dialect), &recorder{}
	late, err := d.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer late.Rollback()
	d.add(t, b, events("a", "b")...)
	require.NoError(t, b.Add(t.Context(), late, events("late")...))
	d.add(t, b, events("c", "d")...)
	open, err := d.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer open.Rollback()
	require.NoError(t, b.Add(t.Context(), open, events("never")...))

	d.relay(t, b, r)
	d.published(t, r, "a", "b", "c", "d")
	require.NoError(t, late.Commit())
	d.published(t, r, "a", "b", "c", "d", "late")
}

func hangingPublisher(t *testing.T, e *engine) {
	d, b := e.database(t), outbox.New(e.dialect)
	hangs := make(chan struct{}, 100)
	up := make(chan struct{})
	r := &recorder{refuse: func(ctx context.Context, _ []invalidation.Event) error {
		hangs <- struct{}{}
		select {
		case <-up:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	d.add(t, b, events("a", "b")...)
	d.relay(t, d.box(t), r)
	<-hangs
	tx, err := d.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	lock := map[outbox.Dialect]string{
		outbox.Postgres: `LOCK TABLE cache_outbox IN ACCESS EXCLUSIVE MODE NOWAIT`,
		outbox.MySQL:    `SELECT seq FROM cache_outbox FOR UPDATE NOWAIT`,
		outbox.SQLite:   `UPDATE cache_outbox SET attempts = attempts`,
	}[e.dialect]
	_, err = tx.ExecContext(t.Context(), lock)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	if *outboxLong {
		began := time.Now()
		<-hangs // the first call was given up
		require.Less(t, time.Since(began), 10*time.Second)
	}
	close(up)
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "the table is drained")
	require.ElementsMatch(t, []string{"a", "b"}, r.keys())
}

func publisherDown(t *testing.T, e *engine) {
	d, b := e.database(t), e.box(t)
	var up atomic.Bool
	var alone sync.Map // the keys that were tried alone
	r := &recorder{refuse: func(_ context.Context, events []invalidation.Event) error {
		if up.Load() {
			return nil
		}
		if len(events) == 1 {
			alone.Store(events[0].Keys[0], true)
		}
		return errDown
	}}
	d.relay(t, b, r)
	var want []string
	for i := range 20 {
		keys := named(fmt.Sprintf("k%d-", i), 100)
		d.add(t, b, events(keys...)...)
		want = append(want, keys...)
		b.Kick()
	}
	eventually(t, func() bool { return b.Stats().Failed > 150 }, "it goes on trying")
	depth := d.depth(t)
	require.EqualValues(t, 2000, depth.Events)
	require.Zero(t, depth.Parked, "no event is to blame")
	tried := 0
	alone.Range(func(any, any) bool { tried++; return true })
	require.Less(t, tried, 300, "it gives up before it has tried each of a batch")
	up.Store(true)
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "the table is drained")
	require.ElementsMatch(t, want, r.keys())
}

// reports is a Box.Error that keeps what it is told.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(_ context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) list() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.errs
}

func refusedForGood(t *testing.T, e *engine) {
	d, b := e.database(t), outbox.New(e.dialect)
	var told reports
	b.Error = told.add
	var grown atomic.Bool
	tooLarge := refuse("large", fmt.Errorf("broker: %w", invalidation.ErrTooLarge))
	r := &recorder{refuse: func(ctx context.Context, events []invalidation.Event) error {
		if grown.Load() {
			return nil
		}
		return tooLarge(ctx, events)
	}}
	d.add(t, b, events("a", "large", "b", "large", "c")...)
	d.relay(t, b, r)
	eventually(t, func() bool { return d.depth(t).Parked == 2 }, "two are parked")
	require.ElementsMatch(t, []string{"a", "b", "c"}, r.keys())
	require.EqualValues(t, 2, d.depth(t).Events)
	d.add(t, b, events("d")...)
	eventually(t, func() bool { return len(r.keys()) == 4 }, "others pass")
	require.ErrorIs(t, told.list()[0], invalidation.ErrTooLarge)
	require.ErrorContains(t, told.list()[0], "parked", "and not three attempts later")
	require.GreaterOrEqual(t, b.Stats().Parked, int64(2))
	grown.Store(true)
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "the table is drained")
	require.Equal(t, []string{"d", "large", "large"}, r.keys()[3:])
}

func failsAlone(t *testing.T, e *engine) {
	d, b := e.database(t), e.box(t)
	r := &recorder{refuse: refuse("poison", errDown)}
	keys := append(append([]string{"poison"}, named("k", 700)...), "poison", "z")
	d.add(t, b, events(keys...)...)
	d.relay(t, b, r)
	eventually(t, func() bool { depth := d.depth(t); return depth.Events == 2 && depth.Parked == 2 }, "the others pass")
	require.ElementsMatch(t, append(named("k", 700), "z"), r.keys())
}

// As with a partition that has no leader, and a publisher that tries until its time is over.
func hangsForSome(t *testing.T, e *engine) {
	if !*outboxLong {
		t.Skip("-outbox.long is not set")
	}
	d, b := e.database(t), e.box(t)
	var elected atomic.Bool
	r := &recorder{refuse: func(ctx context.Context, events []invalidation.Event) error {
		for _, e := range events {
			if strings.HasPrefix(e.Keys[0], "bad") && !elected.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
		}
		return nil
	}}
	var good, bad []string
	for i := range 300 {
		if i%6 == 0 {
			bad = append(bad, fmt.Sprint("bad", i))
			d.add(t, b, events(bad[len(bad)-1])...)
		} else {
			good = append(good, fmt.Sprint("k", i%7))
			d.add(t, b, events(good[len(good)-1])...)
		}
	}
	d.relay(t, b, r)
	eventually(t, func() bool { return len(r.keys()) == len(good) }, "the others pass")
	require.ElementsMatch(t, good, r.keys())
	elected.Store(true)
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "the table is drained")
	require.ElementsMatch(t, append(good, bad...), r.keys())
}

func manyParked(t *testing.T, e *engine) {
	d, b := e.database(t), e.box(t)
	r := &recorder{refuse: func(ctx context.Context, events []invalidation.Event) error {
		if strings.HasPrefix(events[0].Keys[0], "bad") {
			<-ctx.Done()
		}
		return ctx.Err()
	}}
	d.add(t, b, events(named("bad", 2000)...)...)
	d.exec(t, `UPDATE cache_outbox SET attempts = 1, not_before = '2000-01-01T00:00:00'`)
	d.add(t, b, events(named("k", 400)...)...)
	d.relay(t, b, r)
	eventually(t, func() bool { return len(r.keys()) >= 400 }, "the others pass")
	require.Equal(t, named("k", 400), r.keys())
}

func unreadable(t *testing.T, e *engine) {
	d, b, r := e.database(t), outbox.New(e.dialect), &recorder{}
	var told reports
	b.Error = told.add
	d.add(t, b, events("a", "b", "c")...)
	d.exec(t, `UPDATE cache_outbox SET payload = '{"v":99}' WHERE aggregateid = 'a'`)
	d.exec(t, `UPDATE cache_outbox SET payload = 'no JSON' WHERE aggregateid = 'b'`)
	d.relay(t, b, r)
	eventually(t, func() bool { depth := d.depth(t); return depth.Events == 2 && depth.Parked == 2 }, "two are parked")
	require.Equal(t, []string{"c"}, r.keys())
	eventually(t, func() bool { return len(told.list()) > 0 }, "it is reported")
	require.ErrorIs(t, told.list()[0], invalidation.ErrUnsupported)
}

func panics(t *testing.T, e *engine) {
	d, b := e.database(t), e.box(t)
	var calls atomic.Int64
	r := &recorder{refuse: func(context.Context, []invalidation.Event) error {
		if calls.Add(1) == 1 {
			panic("publisher")
		}
		return nil
	}}
	d.add(t, b, events("a")...)
	d.relay(t, b, r)
	d.published(t, r, "a")
}

func takeover(t *testing.T, e *engine) {
	d := e.database(t)
	one, two := d.box(t), d.box(t)
	first, second := &recorder{}, &recorder{}
	stop := d.relay(t, one, first)
	d.add(t, one, events("a")...)
	d.published(t, first, "a")
	require.True(t, one.Stats().Leading)
	d.relay(t, two, second)
	keys := []string{"a"}
	for i := range 100 {
		key := fmt.Sprint("k", i)
		keys = append(keys, key)
		d.add(t, two, events(key)...)
		one.Kick()
		two.Kick()
		time.Sleep(20 * time.Millisecond) // for two seconds, in which the other asks to be elected
	}
	d.published(t, first, keys...)
	require.Empty(t, second.keys())
	require.False(t, two.Stats().Leading)

	stop()
	require.False(t, one.Stats().Leading)
	began := time.Now()
	d.add(t, one, events("z")...)
	d.published(t, second, "z")
	require.Less(t, time.Since(began), 10*time.Second)
	require.Equal(t, keys, first.keys())
}

func stepsDown(t *testing.T, e *engine) {
	d, b := e.database(t), e.box(t)
	d.relay(t, b, &recorder{refuse: refuse("a", errDown)})
	d.add(t, b, events("a")...)
	eventually(t, func() bool { return b.Stats().Failed > 0 }, "it leads")
	r := &recorder{}
	d.relay(t, e.box(t), r)
	d.published(t, r, "a")
}

func restarts(t *testing.T, e *engine) {
	if e.server == nil {
		t.Skip("no server")
	}
	d, b, r := e.database(t), e.box(t), &recorder{}
	d.relay(t, b, r)
	d.add(t, b, events("a")...)
	d.published(t, r, "a")
	e.server.Restart()
	eventually(t, func() bool { return d.PingContext(t.Context()) == nil }, "it serves")
	d.add(t, b, events("b")...)
	d.published(t, r, "a", "b")
}

// The leader could publish there, and not delete.
func readOnly(t *testing.T, e *engine) {
	d, b, r := e.database(t), outbox.New(e.dialect), &recorder{}
	var told reports
	b.Error = told.add
	d.add(t, b, events("a")...)
	at := *d
	switch e.dialect {
	case outbox.SQLite:
		t.Skip("no replicas")
	case outbox.MySQL:
		e.server.Exec("SET GLOBAL read_only = 1")
		t.Cleanup(func() { e.server.Exec("SET GLOBAL read_only = 0") })
	case outbox.Postgres:
		replica := sqltest.Replica(t, e.server)
		replica.CatchUp()
		at.dsn = strings.Replace(d.dsn, ":"+e.server.Port+"/", ":"+replica.Port+"/", 1)
	}
	stop := at.relay(t, b, r)
	eventually(t, func() bool { return len(told.list()) > 0 }, "it is reported")
	require.ErrorContains(t, told.list()[0], "read-only")
	stop()
	require.Empty(t, r.keys())
	require.EqualValues(t, 1, d.depth(t).Events)
}
