package integration_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

var outboxRows = flag.Int("outbox.rows", 0, "measure with a backlog of so many events")

const batch = 500 // of the relay

// figures are logged, and not judged: other tests share the machine.
func figures(t *testing.T, e *engine) {
	if *outboxRows == 0 {
		t.Skip("-outbox.rows is not set")
	}
	d, b := e.database(t), e.box(t)
	var up atomic.Bool
	r := &recorder{refuse: func(context.Context, []invalidation.Event) error {
		if !up.Load() {
			return errDown
		}
		return nil
	}}
	d.relay(t, b, r)
	began := time.Now()
	for part := range slices.Chunk(named("k", *outboxRows), 100) {
		d.add(t, b, events(part...)...)
	}
	t.Logf("%d events in transactions of 100: %.0f/s", *outboxRows, float64(*outboxRows)/time.Since(began).Seconds())
	d.exec(t, `DELETE FROM cache_outbox WHERE seq % 5 = 0`) // holes, as after rollbacks
	rows := int(d.depth(t).Events)
	up.Store(true)
	eventually(t, func() bool { return len(r.keys()) > batch }, "it is up")
	from, began := len(r.keys()), time.Now()
	eventually(t, func() bool { return len(r.keys()) == rows }, "it is drained")
	t.Logf("drained, with a hole after every fourth, at %.0f/s", float64(rows-from)/time.Since(began).Seconds())
	eventually(t, func() bool { return d.depth(t).Events == 0 }, "all is deleted")

	var with, without []time.Duration
	for i := range 300 {
		n := len(r.keys())
		d.add(t, b, events(fmt.Sprint("one", i))...)
		began := time.Now()
		if i%2 == 0 {
			b.Kick()
		}
		for len(r.keys()) == n {
			time.Sleep(100 * time.Microsecond)
		}
		if i%2 == 0 {
			with = append(with, time.Since(began))
		} else {
			without = append(without, time.Since(began))
		}
		time.Sleep(5 * time.Millisecond)
	}
	slices.Sort(with)
	slices.Sort(without)
	t.Logf("from commit to publish, kicked: p50 %v, p99 %v; polled while in use: p50 %v, p99 %v",
		with[len(with)/2], with[len(with)*99/100], without[len(without)/2], without[len(without)*99/100])
	require.Equal(t, outbox.Depth{}, d.depth(t))
}
