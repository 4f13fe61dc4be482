package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/doubledelete/redisqueue"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/bustest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
	"github.com/cachet-go/cachet/store/redisstore"
)

// ours is one process with a Cache.
type ours struct {
	cache *cachet.Cache[int, row]
	close func() error // of what the strategy rests on
}

// parts is what a strategy may be made of.
type parts struct {
	store store.Store
	*process
	// bus is shared by all processes.
	bus *bus
}

// openOurs returns how to open a cache with a strategy. closes, which may be nil, closes what the strategy rests on.
func openOurs(strategy func(p parts) (s cachet.Strategy, closes func() error)) func(*process) (subject, error) {
	return func(p *process) (subject, error) {
		st := &chaosstore.Hooked{
			Store: redisstore.New(p.client, redisstore.Options{}),
			Before: func(ctx context.Context, c chaosstore.Call) error {
				if c.Op == chaosstore.OpInvalidate || c.Op == chaosstore.OpLift {
					return lost(ctx)
				}
				return nil
			},
		}
		s, closes := strategy(parts{store: st, process: p, bus: p.bus})
		cache, err := cachet.New(st, cachet.Config[int, row]{
			Name: p.prefix, TTL: naiveTTL, Jitter: -1, Load: p.load, Strategy: s,
			// The deletes that we lose are reported, and are no news.
			Hooks: cachet.Hooks{Error: func(context.Context, error) {}},
		})
		return &ours{cache: cache, close: closes}, err
	}
}

// Read implements subject.
func (o *ours) Read(ctx context.Context, key int) (int64, error) {
	r, err := o.cache.Get(ctx, key)
	return r.Write, err
}

// Write implements subject.
func (o *ours) Write(ctx context.Context, key int, commit func(context.Context) error) error {
	return o.cache.Update(ctx, key, commit)
}

// Close implements subject.
func (o *ours) Close() error {
	err := o.cache.Close()
	if o.close != nil {
		err = errors.Join(err, o.close())
	}
	return err
}

// inRedis returns a schedule of delayed deletes in Redis, and what closes it.
func inRedis(p parts) (q *redisqueue.Queue, closes func() error) {
	q = redisqueue.New(p.client, p.store, redisqueue.Options{Name: p.prefix})
	return q, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return q.Close(ctx)
	}
}

// bus is a queue in memory in the place of Kafka, with one consumer per process that opens it.
type bus struct {
	*bustest.Bus
	stop    context.CancelFunc
	ctx     context.Context //nolint:containedctx // of the consumers
	running sync.WaitGroup
}

func newBus() *bus {
	b := &bus{Bus: bustest.NewBus()}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// Publish loses what the fate of the write says is lost.
func (b *bus) Publish(ctx context.Context, events ...invalidation.Event) error {
	if err := lost(ctx); err != nil {
		return err
	}
	return b.Bus.Publish(ctx, events...)
}

// consume applies the events to a store until the bus is closed.
func (b *bus) consume(st store.Store, opts invalidation.Options) {
	b.running.Go(func() { _ = invalidation.Apply(b.ctx, b.Bus, st, opts) })
}

func (b *bus) close() {
	b.stop()
	b.running.Wait()
}
