package main

import (
	"context"
	"time"

	"github.com/cachet-go/cachet/internal/torture/source"
	"github.com/cachet-go/cachet/internal/torture/worker"
	"github.com/cachet-go/cachet/store/redisstore"
)

// wrong counts the cached records that differ from the database now that nobody writes, and how many are cached.
// fenced counts those of the cache with a fence.
func (w *world) wrong() (plain, fenced, cached int) {
	client := w.cfg.Client()
	defer client.Close() //nolint:errcheck // nothing is lost
	st := redisstore.New(client, redisstore.Options{Timeout: 5 * time.Second})
	defer st.Close() //nolint:errcheck // nothing is lost
	caches, err := worker.NewCaches(st, source.NewClient(w.served.Addr), 0, func(err error) { w.Logf("%v", err) })
	if err != nil {
		w.Fatalf("%v", err)
	}
	for key := range 2 * rows {
		c, count := caches.Plain, &plain
		if key >= rows {
			c, count = caches.Fenced, &fenced
		}
		e, ok, err := c.Peek(context.Background(), key)
		if err != nil {
			w.Fatalf("Peek: %v", err)
		}
		if !ok {
			continue
		}
		cached++
		if got, want := e.Value.Version, w.db.Read(key); got != want || e.Value.Key != key {
			*count++
			w.notef("at rest key %d is cached as %d:%d and is %d", key, e.Value.Key, got, want)
		}
	}
	if err := caches.Plain.Close(); err != nil {
		w.Logf("%v", err)
	}
	if err := caches.Fenced.Close(); err != nil {
		w.Logf("%v", err)
	}
	return plain, fenced, cached
}
