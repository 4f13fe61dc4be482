// Package bustest states the contract of invalidation.Publisher and invalidation.Subscriber as tests, for those who
// carry events by other means, and has a bus in memory that passes them.
package bustest

import (
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

// Conn is one bus under test, as two processes see it.
type Conn struct {
	Publisher invalidation.Publisher
	// Subscribe returns another subscriber of the same group: together they see each event once. It is closed by what
	// the test cleans up.
	Subscribe func() invalidation.Subscriber
	// DeadLetters returns the ids of the events that were refused, soon after they were. nil: there is no way to tell
	DeadLetters func() []string
}

// patience is how long a delivery may take.
const patience = 30 * time.Second

// Run checks a bus against its contract, one subtest per clause. open is called once for each of them and returns an
// empty bus that nobody else uses.
func Run(t *testing.T, open func(t *testing.T) Conn) {
	t.Helper()
	for _, c := range slices.Concat(deliveryClauses(), failureClauses(), eventClauses()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(&subject{T: t, Conn: open(t)})
		})
	}
}

type clause struct {
	name  string // the claim
	check func(*subject)
}

// subject is a bus under test.
type subject struct {
	*testing.T
	Conn
}

// event returns an event about a key that nobody else uses.
func (s *subject) event(name string) invalidation.Event {
	return invalidation.NewEvent("bustest", "bustest:"+rand.Text()+":"+name)
}

// events returns n of them.
func (s *subject) events(n int) []invalidation.Event {
	events := make([]invalidation.Event, n)
	for i := range events {
		events[i] = s.event(strconv.Itoa(i))
	}
	return events
}

func (s *subject) publish(events ...invalidation.Event) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	if err := s.Publisher.Publish(ctx, events...); err != nil {
		s.Fatalf("Publish: %v", err)
	}
}

// worker is a running Subscribe.
type worker struct {
	s    *subject
	stop func() // ends it and waits for it
}

// work subscribes until the test ends, or stop.
func (s *subject) work(handle invalidation.Handler) *worker {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	sub := s.Subscribe()
	done := make(chan error, 1)
	go func() { done <- sub.Subscribe(ctx, handle) }()
	w := &worker{s: s}
	w.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				s.Errorf("Subscribe ended by its context: got %v, want nil", err)
			}
		case <-time.After(patience):
			s.Errorf("Subscribe has not ended %v after its context", patience)
		}
	})
	s.Cleanup(w.stop)
	return w
}

// seen counts deliveries by id, and wakes who waits for them.
type seen struct {
	mu    sync.Mutex
	count map[string]int // guarded by mu
	order []invalidation.Event
	news  chan struct{} // guarded by mu: closed and made anew when something comes
}

func newSeen() *seen { return &seen{count: make(map[string]int), news: make(chan struct{})} }

func (d *seen) add(events []invalidation.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		d.count[e.ID]++
	}
	d.order = append(d.order, events...)
	close(d.news)
	d.news = make(chan struct{})
}

// handler is a Handler that only looks.
func (d *seen) handler(_ context.Context, events []invalidation.Event) error {
	d.add(events)
	return nil
}

// await waits until every one of events has come.
func (s *subject) await(d *seen, events ...invalidation.Event) {
	s.Helper()
	timeout := time.After(patience)
	for {
		d.mu.Lock()
		news, missing := d.news, ""
		for _, e := range events {
			if d.count[e.ID] == 0 {
				missing = e.Keys[0]
			}
		}
		d.mu.Unlock()
		if missing == "" {
			return
		}
		select {
		case <-news:
		case <-timeout:
			s.Fatalf("not delivered within %v: the event about %s", patience, missing)
		}
	}
}
