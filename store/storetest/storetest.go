// Package storetest states the contract of package store as tests: [Run] takes any implementation through every
// clause.
package storetest

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cachet-go/cachet/store"
)

// Run checks a store against its contract, one subtest per clause. open is called once for each of them and may
// return one store every time; the keys are drawn so that other users of a server are not disturbed. What open
// has to clean up it registers with the t that it is given.
//
// The clauses run in real time, with records that last for fractions of a second and leases that last as long
// as the store says. Bounds are measured around each request, so a slow machine makes the suite slow and not
// wrong, unless it stops for as long as a lease lasts.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	todo := make(chan clause)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for c := range todo {
				t.Run(c.name, func(t *testing.T) {
					s := &subject{T: t, Store: open(t), prefix: "storetest:" + rand.Text() + ":"}
					t.Cleanup(s.clear)
					c.check(s)
				})
			}
		})
	}
	for _, c := range clauses() {
		todo <- c
	}
	close(todo)
	wg.Wait()
}

// atOnce is how many clauses run at a time. They wait more than they work, so it is not the number of
// processors, which is what testing would go by if they were marked as parallel.
const atOnce = 8

// clause is one sentence of the contract.
type clause struct {
	name  string // the claim
	check func(*subject)
}

func clauses() []clause {
	return slices.Concat(
		recordClauses(), stampClauses(), leaseClauses(), renewClauses(), releaseClauses(), fillClauses(), ttlClauses(),
		claimClauses(), claimEndClauses(), discardClauses(), invalidateClauses(), fenceClauses(), fencesClauses(),
		probationClauses(), probationRestClauses(), clearClauses(), watchClauses(), batchClauses(), contextClauses(),
		concurrencyClauses(),
	)
}

// subject is a store under test.
type subject struct {
	*testing.T
	store.Store
	prefix string
	used   []string
}

// key returns a key that nobody else uses.
func (s *subject) key(name string) string {
	key := s.prefix + name
	if !slices.Contains(s.used, key) {
		s.used = append(s.used, key)
	}
	return key
}

func (s *subject) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.Store.Invalidate(ctx, s.used...) // a courtesy: everything ends by itself
}

// ask asks for one lease.
func (s *subject) ask(a store.Ask) store.Grant {
	s.Helper()
	grants := s.Lease(s.Context(), a)
	if len(grants) != 1 {
		s.Fatalf("Lease(%+v): got %d grants, want 1", a, len(grants))
	}
	if grants[0].Err != nil {
		s.Fatalf("Lease(%+v): %v", a, grants[0].Err)
	}
	return grants[0]
}

// granted asks for one lease and must get it.
func (s *subject) granted(a store.Ask) store.Held {
	s.Helper()
	g := s.ask(a)
	if !g.Granted() {
		s.Fatalf("Lease(%+v): got %+v, want it granted", a, g)
	}
	if g.Stamp.IsZero() {
		s.Fatalf("Lease(%+v): granted with no stamp", a)
	}
	return store.Held{Key: a.Key, Stamp: g.Stamp}
}

// lease takes an ordinary lease.
func (s *subject) lease(key string) store.Held {
	s.Helper()
	return s.granted(store.Ask{Key: key})
}

// claim claims the value of key for a minute.
func (s *subject) claim(key string) store.Held {
	s.Helper()
	return s.granted(store.Ask{Key: key, Mode: store.Refresh, Hold: time.Minute})
}

// refused asks for one lease and must not get it because of want.
func (s *subject) refused(a store.Ask, want store.Kind) store.Grant {
	s.Helper()
	g := s.ask(a)
	if g.Kind != want {
		s.Fatalf("Lease(%+v): got %+v, want it refused by kind %d", a, g, want)
	}
	return g
}

// offer fills and reports whether that was accepted.
func (s *subject) offer(f store.Fill) bool {
	s.Helper()
	verdicts := s.Fill(s.Context(), f)
	if len(verdicts) != 1 {
		s.Fatalf("Fill(%+v): got %d verdicts, want 1", f, len(verdicts))
	}
	if verdicts[0].Err != nil {
		s.Fatalf("Fill(%+v): %v", f, verdicts[0].Err)
	}
	return verdicts[0].Accepted
}

// fill fills with payload and must be accepted.
func (s *subject) fill(held store.Held, payload string, ttl time.Duration) {
	s.Helper()
	if !s.offer(store.Fill{Held: held, Codec: codec, Payload: []byte(payload), TTL: ttl}) {
		s.Fatalf("Fill(%q) by its lease: refused", held.Key)
	}
}

// intrude fills and must not be accepted.
func (s *subject) intrude(held store.Held, why string) {
	s.Helper()
	if s.offer(store.Fill{Held: held, Codec: codec, Payload: []byte("intruder"), TTL: time.Minute}) {
		s.Errorf("Fill %s: accepted", why)
	}
}

// value stores payload for a minute and returns the lease by which that was done.
func (s *subject) value(key, payload string) store.Held {
	s.Helper()
	held := s.lease(key)
	s.fill(held, payload, time.Minute)
	return held
}

// get looks key up.
func (s *subject) get(key string) store.Record {
	s.Helper()
	rec, err := s.Get(s.Context(), key)
	if err != nil {
		s.Fatalf("Get(%q): %v", key, err)
	}
	return rec
}

// holds checks what kind of record key holds.
func (s *subject) holds(key string, want store.Kind) {
	s.Helper()
	if got := s.get(key).Kind; got != want {
		s.Errorf("Get(%q): got kind %d, want %d", key, got, want)
	}
}

// reads checks that key holds a value of payload.
func (s *subject) reads(key, payload string) store.Record {
	s.Helper()
	rec := s.get(key)
	if rec.Kind != store.Value || string(rec.Payload) != payload {
		s.Errorf("Get(%q): got kind %d, payload %q, want a value %q", key, rec.Kind, rec.Payload, payload)
	}
	return rec
}

// done checks that an operation on keys succeeded.
func (s *subject) done(op string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", op, err)
	}
}

func (s *subject) invalidate(key string) {
	s.Helper()
	s.done("Invalidate", s.Store.Invalidate(s.Context(), key))
}

func (s *subject) fence(token uint64, d time.Duration, key string) {
	s.Helper()
	s.done("Fence", s.Fence(s.Context(), token, d, key))
}

func (s *subject) lift(token uint64, probation time.Duration, key string) {
	s.Helper()
	s.done("Lift", s.Lift(s.Context(), token, probation, key))
}

func (s *subject) release(failed bool, held store.Held) {
	s.Helper()
	s.done("Release", s.Release(s.Context(), failed, held))
}

func (s *subject) renew(held store.Held) {
	s.Helper()
	s.done("Renew", s.Renew(s.Context(), held))
}

const codec = "raw"
