package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// The rows of what programs have instead of a library: GET, else load and SET. Keys live for a minute, which is longer
// than a run: what nobody repairs stays wrong to its end.
const naiveTTL = time.Minute

// naive is one process with the usual cache.
type naive struct {
	*process
	order order
	delay time.Duration // of the second delete, if there is one
	later *sync.WaitGroup
	lock  bool // a miss is loaded by one reader at a time
}

// order is in what order a write touches the cache and the database.
type order int

const (
	cacheThenDB order = iota
	dbThenCache
	deleteThenDB
	dbThenDelete
	doubleDelete
)

func (n *naive) key(key int) string { return n.prefix + strconv.Itoa(key) }

// encode and decode are as cheap as can be: the number of the write, and the text.
func encode(write int64) string { return strconv.FormatInt(write, 10) + " " + text }

func decode(data string) (write int64, err error) {
	number, _, _ := strings.Cut(data, " ")
	return strconv.ParseInt(number, 10, 64)
}

func (n *naive) get(ctx context.Context, key int) (write int64, found bool, err error) {
	data, err := n.client.Get(ctx, n.key(key)).Result()
	if errors.Is(err, redis.Nil) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	write, err = decode(data)
	return write, true, err
}

func (n *naive) set(ctx context.Context, key int, write int64) error {
	if err := lost(ctx); err != nil {
		return err
	}
	return n.client.Set(ctx, n.key(key), encode(write), naiveTTL).Err()
}

func (n *naive) del(ctx context.Context, key int) error {
	if err := lost(ctx); err != nil {
		return err
	}
	return n.client.Del(ctx, n.key(key)).Err()
}

// Read implements subject.
func (n *naive) Read(ctx context.Context, key int) (int64, error) {
	write, found, err := n.get(ctx, key)
	if found || err != nil {
		return write, err
	}
	if n.lock {
		return n.loadLocked(ctx, key)
	}
	return n.loadAndSet(ctx, key)
}

func (n *naive) loadAndSet(ctx context.Context, key int) (int64, error) {
	r, err := n.load(ctx, key)
	if err != nil {
		return 0, err
	}
	return r.Write, n.set(ctx, key, r.Write)
}

// loadLocked has one reader load. The others look again until the record is there.
func (n *naive) loadLocked(ctx context.Context, key int) (int64, error) {
	lock := n.key(key) + ":lock"
	for {
		mine, err := n.client.SetNX(ctx, lock, 1, time.Second).Result()
		if err != nil {
			return 0, err
		}
		write, found, err := n.get(ctx, key)
		switch {
		case mine && (found || err != nil):
			return write, errors.Join(err, n.client.Del(ctx, lock).Err())
		case mine:
			write, err = n.loadAndSet(ctx, key)
			return write, errors.Join(err, n.client.Del(ctx, lock).Err())
		case found || err != nil:
			return write, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Write implements subject.
func (n *naive) Write(ctx context.Context, key int, commit func(context.Context) error) error {
	write := fateOf(ctx).write
	var before, after func() error
	switch n.order {
	case cacheThenDB:
		before = func() error { return n.set(ctx, key, write) }
	case dbThenCache:
		after = func() error { return n.set(ctx, key, write) }
	case deleteThenDB:
		before = func() error { return n.del(ctx, key) }
	case dbThenDelete:
		after = func() error { return n.del(ctx, key) }
	case doubleDelete:
		before = func() error { return n.del(ctx, key) }
		after = func() error { n.deleteLater(key); return n.del(ctx, key) }
	default:
		return fmt.Errorf("no such order: %d", n.order)
	}
	if before != nil {
		if err := before(); err != nil {
			return err
		}
	}
	if err := commit(ctx); err != nil || after == nil {
		return err
	}
	return after()
}

// deleteLater makes the second delete of a double delete.
func (n *naive) deleteLater(key int) {
	n.later.Add(1)
	time.AfterFunc(n.delay, func() {
		defer n.later.Done()
		_ = n.del(context.Background(), key) // usually nobody looks
	})
}

// Close implements subject.
func (n *naive) Close() error {
	n.later.Wait()
	return nil
}
