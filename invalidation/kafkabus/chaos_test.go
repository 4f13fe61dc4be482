package kafkabus_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/invalidation"
)

// disaster is a Redis and consumers in processes of their own, to which things happen while somebody publishes.
type disaster struct {
	*rig

	broker    *kafkatest.Broker
	server    *redistest.Server
	store     *redis.Client
	consumers []*child
}

const consumers = 3

// A value is stored before each event about its key is published. In the end each key is gone and each event has been
// applied, whatever has happened to the consumers, the store and the broker.
func TestNothingIsLostWhateverFails(t *testing.T) {
	events := *chaos
	full := events > 0
	if !full {
		events = 3000
	}
	d := &disaster{server: redistest.Start(t)}
	if full {
		d.broker = kafkatest.Start(t)
		d.rig = rigOn(t, d.broker.Addr, 6)
	} else {
		d.rig = newRig(t, 6)
	}
	d.store = d.server.Client(t)
	for range consumers {
		d.consumers = append(d.consumers, d.child("apply", d.server.Addr))
	}
	stop := make(chan struct{})
	var happening sync.WaitGroup
	happening.Go(func() { d.happen(full, stop) })
	published := d.feed(events, full)
	close(stop)
	happening.Wait()

	deadline := time.Now().Add(2 * time.Minute)
	for d.applied() < int64(events) && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
	}
	counts, err := d.store.HGetAll(t.Context(), "applied").Result()
	require.NoError(t, err)
	lost, deliveries := 0, 0
	for _, id := range published {
		if counts[id] == "" {
			lost++
		}
		n, _ := strconv.Atoi(counts[id])
		deliveries += n
	}
	left, err := d.store.Keys(t.Context(), "record:*").Result()
	require.NoError(t, err)
	if lost > 0 || len(left) > 0 {
		for _, c := range d.consumers {
			t.Log(c.Output())
		}
	}
	require.Zero(t, lost)
	require.Empty(t, left)
	require.Empty(t, d.dead())
	t.Logf("%d events, 0 lost, %d delivered again", len(published), deliveries-len(published))
}

func (d *disaster) applied() int64 {
	n, err := d.store.HLen(d.Context(), "applied").Result()
	if err != nil {
		return 0
	}
	return n
}

// feed publishes n events, each when there is a value for its key. It does not give up.
func (d *disaster) feed(n int, slowly bool) (ids []string) {
	d.Helper()
	p := d.publisher()
	const batch = 50
	for i := 0; i < n; i += batch {
		events := make([]invalidation.Event, batch)
		for j := range events {
			key := "record:" + strconv.Itoa(i+j)
			events[j] = invalidation.NewEvent("chaos", key)
			ids = append(ids, events[j].ID)
		}
		for {
			_, err := d.store.Pipelined(d.Context(), func(p redis.Pipeliner) error {
				for _, e := range events {
					p.Set(d.Context(), e.Keys[0], "v", 0)
				}
				return nil
			})
			if err == nil {
				break
			}
		}
		for {
			ctx, cancel := context.WithTimeout(d.Context(), 5*time.Second)
			err := p.Publish(ctx, events...)
			cancel()
			if err == nil {
				break
			}
		}
		if slowly {
			time.Sleep(60 * time.Millisecond)
		}
	}
	d.Logf("publisher: %+v", p.Stats())
	return ids
}

// happen has things happen until stop is closed.
func (d *disaster) happen(full bool, stop <-chan struct{}) {
	pause := func(t time.Duration) {
		select {
		case <-time.After(t):
		case <-stop:
		}
	}
	beyond := 6*time.Second + 2*time.Second // the session
	kinds := []func(){
		func() {
			i := rand.IntN(consumers)
			d.Logf("consumer %d is killed", i)
			_ = d.consumers[i].End(syscall.SIGKILL)
			pause(time.Second)
			d.consumers[i] = d.child("apply", d.server.Addr)
		},
		func() {
			i := rand.IntN(consumers)
			d.Logf("consumer %d stands still for longer than its session", i)
			d.consumers[i].Signal(syscall.SIGSTOP)
			pause(beyond)
			d.consumers[i].Signal(syscall.SIGCONT)
		},
		func() {
			d.Logf("the store stands still for longer than a session")
			d.server.Pause()
			pause(beyond)
			d.server.Resume()
		},
		func() {
			d.Logf("the broker is killed")
			d.broker.Restart()
		},
	}
	if !full {
		kinds = kinds[:1]
	}
	for i := 0; ; i++ {
		pause(300 * time.Millisecond)
		if full {
			pause(2 * time.Second)
		}
		select {
		case <-stop:
			return
		default:
			kinds[i%len(kinds)]()
		}
	}
}
