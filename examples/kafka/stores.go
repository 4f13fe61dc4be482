package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
	"github.com/cachet-go/cachet/store/redisstore"
)

// stores are ways to one store: a Redis, to which each has a client of its own, or the memory of this process.
type stores struct {
	addr    string
	memory  *memstore.Store
	closers []func() error
}

func newStores(addr string) *stores { return &stores{addr: addr, memory: memstore.New()} }

// open returns another way.
func (s *stores) open(ctx context.Context) (store.Store, error) { //nolint:ireturn // one of two
	if s.addr == "" {
		return s.memory, nil
	}
	logging.Disable() // the caches say what fails
	client := redis.NewClient(&redis.Options{Addr: s.addr, DialerRetries: 1})
	s.closers = append(s.closers, client.Close)
	if err := client.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("no Redis at %s: %w", s.addr, err)
	}
	st := redisstore.New(client, redisstore.Options{})
	s.closers = append(s.closers, st.Close)
	return st, nil
}

func (s *stores) close() error {
	var errs []error
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}
