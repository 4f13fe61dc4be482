package main

import (
	"context"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/store"
)

// Worker deletes from the storefront's store what events name. It belongs to whoever owns the store, and knows neither
// the service that writes nor what a price is. Start as many as there are partitions, at most.
type Worker struct {
	Subscriber invalidation.Subscriber
	Store      store.Invalidator
	// Deleted is told of each batch whose keys have been deleted.
	Deleted func([]invalidation.Event)
}

// Run works until ctx ends. What it has not acknowledged by then waits in Kafka for whoever comes next.
func (w *Worker) Run(ctx context.Context) error {
	return invalidation.Apply(ctx, w, w.Store, invalidation.Options{}) // Options.Applied is where metrics go
}

// Subscribe stands between the bus and Apply, and tells Deleted.
func (w *Worker) Subscribe(ctx context.Context, handle invalidation.Handler) error {
	return w.Subscriber.Subscribe(ctx, func(ctx context.Context, events []invalidation.Event) error {
		err := handle(ctx, events)
		if err == nil {
			w.Deleted(events)
		}
		return err
	})
}
