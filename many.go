package cachet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cachet-go/cachet/aside"
)

// many is one GetMany under way.
type many[K comparable, V any] struct {
	c     *Cache[K, V]
	keys  []K
	names []string    // of keys
	also  map[int][]K // further keys of the same name, by place
	out   map[K]V
	fails []failing
	// reasons has places in fails by the text of the error.
	reasons map[string]int
	began   time.Time
}

// GetMany returns the records of keys. Those that do not exist are not in the map. It looks them up in one
// round trip per server and loads what is missing, and nobody else is loading, by one call of LoadMany; without
// LoadMany by concurrent calls of Load.
//
// If some records could not be had, the others are returned together with an error that joins theirs. If the
// loader panics, so does GetMany, with a *PanicError.
func (c *Cache[K, V]) GetMany(ctx context.Context, keys []K, opts ...Option) (map[K]V, error) {
	m := many[K, V]{c: c, out: make(map[K]V, len(keys))}
	if len(keys) == 0 {
		return m.out, nil
	}
	if c.cfg.Hooks.Get != nil {
		m.began = time.Now()
	}
	m.collect(keys)
	if o := c.merge(opts); o.fresh {
		m.fresh(ctx)
	} else {
		m.read(ctx, o)
	}
	err := m.err()
	repanic(err)
	return m.out, err
}

// collect names the keys, each once.
func (m *many[K, V]) collect(keys []K) {
	m.keys = make([]K, 0, len(keys))
	once := newNames(len(keys))
	for _, k := range keys {
		name, err := m.c.key(k)
		if err != nil {
			m.fail(fmt.Sprint(k), err)
			continue
		}
		i, added := once.add(name)
		switch {
		case added:
			m.keys = append(m.keys, k)
		case m.keys[i] != k: // another key of the same text
			if m.also == nil {
				m.also = make(map[int][]K)
			}
			m.also[i] = append(m.also[i], k)
		}
	}
	m.names = once.all
}

func (m *many[K, V]) fresh(ctx context.Context) {
	m.c.count.misses.Add(int64(len(m.names)))
	if err := ctx.Err(); err != nil {
		for i := range m.names {
			m.conclude(ctx, i, aside.Answer{Err: err})
		}
		return
	}
	for i, a := range m.c.reader.Fresh(ctx, m.names, m.c.loader(m.keys, true)) {
		m.conclude(ctx, i, a)
	}
}

func (m *many[K, V]) read(ctx context.Context, o Option) {
	c := m.c
	var (
		missed       []int
		unknown, old []aside.Seen
		oldKeys      []K
	)
	for i, seen := range c.reader.LookupMany(ctx, m.names, o.maxStale) {
		if seen.OK {
			v, err := c.decode(m.names[i], seen.Result)
			if decoded(err) {
				if seen.Refresh {
					old = append(old, seen)
					oldKeys = append(oldKeys, m.keys[i])
				}
				if c.verifier != nil {
					c.verify(ctx, m.keys[i], m.names[i], seen)
				}
				m.answer(ctx, i, v, c.hit(seen), err)
				continue
			}
			c.reader.Spoil(&seen)
		}
		missed = append(missed, i)
		unknown = append(unknown, seen)
	}
	if len(old) > 0 {
		c.reader.Refresh(ctx, old, c.loader(oldKeys, true))
	}
	if len(missed) == 0 {
		return
	}
	c.count.misses.Add(int64(len(missed)))
	if err := ctx.Err(); err != nil {
		for _, i := range missed {
			m.conclude(ctx, i, aside.Answer{Err: err})
		}
		return
	}
	wanted := make([]K, len(missed))
	for n, i := range missed {
		wanted[n] = m.keys[i]
	}
	for n, a := range c.reader.GetMany(ctx, unknown, c.loader(wanted, true)) {
		m.conclude(ctx, missed[n], a)
	}
}

func (m *many[K, V]) conclude(ctx context.Context, i int, a aside.Answer) {
	v, how, err := m.c.conclude(ctx, m.keys[i], m.names[i], a.Result, a.Err)
	m.answer(ctx, i, v, how, err)
}

// answer notes what became of the i-th key.
func (m *many[K, V]) answer(ctx context.Context, i int, v V, how Outcome, err error) {
	if m.c.cfg.Hooks.Get != nil {
		m.c.observeGet(ctx, m.names[i], how, err, time.Since(m.began))
	}
	switch {
	case err == nil:
		m.out[m.keys[i]] = v
		for _, k := range m.also[i] {
			m.out[k] = v
		}
	case how == Failed:
		m.fail(m.names[i], err)
	}
}

// failing are the keys that failed for one reason.
type failing struct {
	keys []string
	err  error
}

// fail notes an error. A query for a thousand keys that failed is one error and not a thousand.
func (m *many[K, V]) fail(key string, err error) {
	text := "" // of a panic, which is raised and not told, and whose text is a stack
	if _, ok := errors.AsType[raised](err); !ok {
		text = err.Error()
	}
	i, ok := m.reasons[text]
	if !ok {
		if m.reasons == nil {
			m.reasons = make(map[string]int)
		}
		i = len(m.fails)
		m.reasons[text] = i
		m.fails = append(m.fails, failing{err: err})
	}
	m.fails[i].keys = append(m.fails[i].keys, key)
}

func (m *many[K, V]) err() error {
	errs := make([]error, len(m.fails))
	for i, f := range m.fails {
		errs[i] = fmt.Errorf("cachet: %s: %w", list(f.keys), f.err)
	}
	return errors.Join(errs...)
}
