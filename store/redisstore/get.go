package redisstore

import (
	"context"
	"errors"
	"unsafe"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/store"
)

// Get looks one key up. Where many do so at once they share an MGET, which takes a key that holds no string for one
// that holds nothing, and whose context is nobody's.
func (s *Store) Get(ctx context.Context, key string) (store.Record, error) {
	way := &s.reads
	if s.fleet != nil {
		own, err := s.fleet.lane(ctx, key)
		if err != nil {
			return store.Record{}, err
		}
		way = &own
	}
	b, err := way.get(ctx, key)
	if addr, _ := redirect(err); addr != "" {
		b, err = s.reads.get(ctx, key)
	}
	if err != nil {
		return unread(err)
	}
	rec := record.Parse(b)
	if rec.Kind != store.Value && record.Layered(b) {
		recs, errs := s.look(ctx, []string{key})
		return recs[0], errs[0]
	}
	return rec, nil
}

// GetMany looks keys up: by MGET where one server has them all, else by a pipeline of GETs to each. MGET does
// not tell a key that holds no string from one that holds nothing. Neither is in the way of a lease.
func (s *Store) GetMany(ctx context.Context, keys []string) ([]store.Record, error) {
	recs := make([]store.Record, len(keys))
	var errs []error
	var layered []int
	for from, to := range batches(len(keys)) {
		read := s.pipelined
		if s.single && to-from > 1 {
			read = s.mget
		}
		read(ctx, keys[from:to], func(i int, b []byte, err error) {
			i += from
			if err != nil {
				if recs[i], err = unread(err); err != nil {
					errs = append(errs, err)
				}
				return
			}
			recs[i] = record.Parse(b)
			if recs[i].Kind != store.Value && record.Layered(b) {
				layered = append(layered, i)
			}
		})
	}
	if len(layered) > 0 {
		again := make([]string, len(layered))
		for n, i := range layered {
			again[n] = keys[i]
		}
		looked, lookErrs := s.look(ctx, again)
		for n, i := range layered {
			recs[i] = looked[n]
			if lookErrs[n] != nil {
				errs = append(errs, lookErrs[n])
			}
		}
	}
	return recs, join(errs)
}

// mget reads keys from one server.
func (s *Store) mget(ctx context.Context, keys []string, found found) {
	s.reads.read(ctx, mget, keys, found)
}

// pipelined reads keys from the servers that have them.
func (s *Store) pipelined(ctx context.Context, keys []string, found found) {
	answers := make([]answer, len(keys))
	s.spread(ctx, keys, func(l lane, part []int) (elsewhere []int) {
		some := make([]string, len(part))
		for n, i := range part {
			some[n] = keys[i]
		}
		l.read(ctx, gets, some, func(n int, b []byte, err error) { answers[part[n]] = answer{b, err} })
		for _, i := range part {
			if addr, _ := redirect(answers[i].err); addr != "" {
				elsewhere = append(elsewhere, i)
			}
		}
		return elsewhere
	})
	for i, a := range answers {
		found(i, a.b, a.err)
	}
}

// look asks the server what is left of records that lie over a probation.
func (s *Store) look(ctx context.Context, keys []string) ([]store.Record, []error) {
	recs, errs := make([]store.Record, len(keys)), make([]error, len(keys))
	calls := make([]call, len(keys))
	for i, key := range keys {
		calls[i].key = key
	}
	for i, cmd := range s.run(ctx, lookScript, calls) {
		left, err := cmd.Text()
		switch {
		case err != nil:
			errs[i] = err
		case left == "P":
			recs[i].Kind = store.Probation
		case left != "":
			recs[i] = record.Parse(shared(left))
		}
	}
	return recs, errs
}

// unread is what a GET that failed says of its key.
func unread(err error) (store.Record, error) {
	switch {
	case errors.Is(err, redis.Nil):
		return store.Record{}, nil
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return store.Record{Kind: store.Foreign}, nil
	}
	return store.Record{}, err
}

// shared is the memory of s, as StringCmd.Bytes gives it.
func shared(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s)) //nolint:gosec // nobody writes to a record
}
