package cachet

import (
	"context"
	"errors"
	"slices"

	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/codec"
)

// loader returns what loads the records of ks, for a batch or for a single key.
func (c *Cache[K, V]) loader(ks []K, batch bool) aside.Loader {
	if c.cfg.LoadMany == nil || !batch && c.cfg.Load != nil {
		return aside.Loader{Load: func(ctx context.Context, places []int) []aside.Load {
			out := make([]aside.Load, len(places))
			for i, p := range places {
				out[i] = c.loadOne(ctx, ks[p])
			}
			return out
		}}
	}
	return aside.Loader{Batch: true, Load: func(ctx context.Context, places []int) []aside.Load {
		wanted := make([]K, len(places))
		for i, p := range places {
			wanted[i] = ks[p]
		}
		return c.loadMany(ctx, wanted)
	}}
}

func (c *Cache[K, V]) loadOne(ctx context.Context, k K) (out aside.Load) {
	defer func() {
		if p := recover(); p != nil {
			out = aside.Load{Err: raise(p)}
		}
	}()
	v, err := c.cfg.Load(ctx, k)
	if err != nil {
		return c.failure(err)
	}
	return c.encode(k, v)
}

func (c *Cache[K, V]) loadMany(ctx context.Context, ks []K) (out []aside.Load) {
	out = make([]aside.Load, len(ks))
	defer func() {
		if p := recover(); p != nil {
			err := raise(p)
			for i := range out {
				out[i] = aside.Load{Err: err}
			}
		}
	}()
	records, err := c.cfg.LoadMany(ctx, slices.Clone(ks)) // it may sort them
	for i, k := range ks {
		switch v, ok := records[k]; {
		case ok:
			out[i] = c.encode(k, v)
		case err != nil:
			out[i] = c.failure(err)
		default:
			out[i] = c.absent()
		}
	}
	return out
}

func (c *Cache[K, V]) failure(err error) aside.Load {
	if errors.Is(err, ErrNotFound) || c.cfg.NotFound(err) {
		return c.absent()
	}
	return aside.Load{Err: err}
}

func (c *Cache[K, V]) absent() aside.Load {
	return aside.Load{Absent: true, TTL: c.cfg.NotFoundTTL}
}

// encode makes of a value what is stored. Callers get it decoded again, also those that loaded it: a field that
// the codec drops is missed in the first test, and no two callers share memory.
func (c *Cache[K, V]) encode(k K, v V) aside.Load {
	payload, err := c.marshal(&v)
	if err != nil {
		key, _ := c.key(k)
		return aside.Load{Err: &CodecError{Codec: c.cfg.Codec.Name(), Key: key, Err: err}}
	}
	ttl := c.cfg.TTL
	if c.cfg.TTLFor != nil {
		if own := c.cfg.TTLFor(k, v); own != 0 {
			ttl = own
		}
	}
	return aside.Load{Payload: payload, TTL: ttl}
}

func (c *Cache[K, V]) marshal(v *V) ([]byte, error) {
	if codec.ByPointer(c.cfg.Codec) {
		return c.cfg.Codec.Marshal(v)
	}
	return c.cfg.Codec.Marshal(*v)
}

// decode returns the value of res, ErrNotFound if it is the knowledge that there is none, or a CodecError.
func (c *Cache[K, V]) decode(key string, res aside.Result) (v V, err error) {
	if res.Absent {
		return v, ErrNotFound
	}
	if err := c.cfg.Codec.Unmarshal(res.Payload, &v); err != nil {
		var zero V
		return zero, &CodecError{Codec: c.cfg.Codec.Name(), Key: key, Err: err}
	}
	return v, nil
}

// decoded reports whether decode came to an answer.
func decoded(err error) bool { return err == nil || err == ErrNotFound } //nolint:errorlint // decode returns it bare
