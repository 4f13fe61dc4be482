package cachet_test

import (
	"context"
	"errors"
	"time"

	"github.com/cachet-go/cachet"
)

// answer is what a read came to.
type answer struct {
	value string
	err   error
	panic any
	took  time.Duration
}

// reader starts reads, each in a goroutine of its own.
func reader(ctx context.Context, c *cachet.Cache[string, string], key string, opts ...cachet.Option) <-chan answer {
	return ask(func() (string, error) { return c.Get(ctx, key, opts...) })
}

// batchReader is reader by GetMany. A record that is not in the map is ErrNotFound.
func batchReader(ctx context.Context, c *cachet.Cache[string, string], key string, more ...string) <-chan answer {
	return ask(func() (string, error) { return getMany(ctx, c, key, more...) })
}

func getMany(ctx context.Context, c *cachet.Cache[string, string], key string, more ...string) (string, error) {
	m, err := c.GetMany(ctx, append([]string{key}, more...))
	v, ok := m[key]
	if !ok && err == nil {
		err = cachet.ErrNotFound
	}
	return v, err
}

func ask(read func() (string, error)) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		start := time.Now()
		a := answer{err: errors.New("the goroutine ended")}
		defer func() {
			a.panic = recover()
			a.took = time.Since(start)
			out <- a
		}()
		a.value, a.err = read()
	}()
	return out
}
