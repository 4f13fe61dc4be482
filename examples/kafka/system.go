package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

// system is the two services, the worker, and what lies between them.
type system struct {
	reads      *sql.DB
	publisher  *kafkabus.Publisher
	subscriber *kafkabus.Subscriber

	pricing    *Pricing
	storefront *Storefront
	worker     *Worker

	ledger  *ledger
	traffic *traffic
	away    atomic.Bool // the worker is

	stop       context.CancelFunc
	leave      context.CancelFunc // ends the worker's morning
	background errgroup.Group
	closers    []func() error // in the order of opening
}

// open makes a system, which is to be started and closed.
func open(ctx context.Context, cfg config) (*system, error) {
	s := &system{ledger: newLedger(cfg.products), stop: func() {}}
	if err := s.build(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// build makes the parts, and leaves it to close to end what it has made.
func (s *system) build(ctx context.Context, cfg config) error {
	// In earnest the names of the topic, the group and the cache are fixed. Here nobody is to meet another run.
	name := fmt.Sprintf("cachet-kafka-%08x", rand.Uint32())
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return err
	}
	s.closeLater(func() error { return os.RemoveAll(dir) })
	writes, reads, err := openDatabase(filepath.Join(dir, "prices.db"))
	if err != nil {
		return err
	}
	s.closeLater(writes.Close)
	s.closeLater(reads.Close)
	q, err := openQueue(ctx, cfg.brokers, name)
	if err != nil {
		return err
	}
	s.closeLater(q.close)

	// Service one.
	s.pricing = NewPricing(writes, name)
	if err := fill(ctx, writes, s.pricing.Schema(), cfg.products); err != nil {
		return err
	}
	if s.publisher, err = kafkabus.NewPublisher(q.cfg); err != nil {
		return err
	}
	s.closeLater(s.publisher.Close)

	// Service two and the worker, each with its own way to the same store.
	shared := newStores(cfg.redis)
	s.closeLater(shared.close)
	st, err := shared.open(ctx)
	if err != nil {
		return err
	}
	if s.storefront, err = NewStorefront(st, reads, name); err != nil {
		return err
	}
	s.closeLater(s.storefront.Close)
	s.closeLater(func() error { return s.storefront.clear(context.Background(), cfg.products) })
	if st, err = shared.open(ctx); err != nil {
		return err
	}
	if s.subscriber, err = kafkabus.NewSubscriber(q.cfg); err != nil {
		return err
	}
	s.closeLater(s.subscriber.Close)
	s.worker = &Worker{Subscriber: s.subscriber, Store: st, Deleted: s.ledger.deleted}

	s.reads = reads
	s.traffic = &traffic{
		pricing: s.pricing, storefront: s.storefront, ledger: s.ledger, products: cfg.products, bound: cfg.bound,
	}
	return nil
}

func (s *system) closeLater(f func() error) { s.closers = append(s.closers, f) }

// start has the relay and the worker begin, and waits for the worker's place in its group, for what is measured is not
// how long that takes.
func (s *system) start(ctx context.Context, pause time.Duration) error {
	ctx, s.stop = context.WithCancel(ctx)
	s.background.Go(func() error { return s.pricing.Relay(ctx, s.publisher) })
	morning, leave := context.WithCancel(ctx)
	s.leave = leave
	s.background.Go(func() error { return s.work(ctx, morning, pause) })
	return s.await("the worker to join its group", func() bool { return len(s.subscriber.Stats().Partitions) > 0 })
}

// work is the worker's day: after the morning it leaves, as in a deployment that takes too long, and comes back. Kafka
// has it wait then, as the first of its group and with the broker's defaults, for three seconds more.
func (s *system) work(ctx, morning context.Context, pause time.Duration) error {
	if err := s.worker.Run(morning); err != nil {
		return err
	}
	s.away.Store(true)
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
	s.away.Store(false)
	return s.worker.Run(ctx)
}

// await waits until something is so.
func (s *system) await(what string, so func() bool) error {
	const patience = 30 * time.Second
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain for %s", patience, what)
		}
	}
	return nil
}

// close ends what was started and closes all that was opened, the last first.
func (s *system) close() error {
	s.stop()
	errs := []error{s.background.Wait()}
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}
