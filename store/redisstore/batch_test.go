package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/store/redisstore"
)

// slow is a server whose look-ups take until they are let go of.
type slow struct {
	asked  [][]string
	values map[string]string
	let    chan struct{}
	err    error
}

func (s *slow) ask(keys []string, found redisstore.Found) {
	s.asked = append(s.asked, keys)
	seen := make([]string, len(keys)) // as it is when the look-up begins
	for i, key := range keys {
		seen[i] = s.values[key]
	}
	<-s.let
	for i := range keys {
		found(i, []byte(seen[i]), s.err)
	}
}

func newSlow() (*redisstore.Crowd, *slow) {
	s := &slow{values: map[string]string{"k": "old"}, let: make(chan struct{})}
	return redisstore.NewCrowd(10, s.ask), s
}

type got struct {
	value string
	err   error
}

// begin has somebody look key up.
func begin(ctx context.Context, c *redisstore.Crowd, key string, away <-chan struct{}) <-chan got {
	out := make(chan got, 1)
	go func() {
		b, err := c.Get(ctx, key, away)
		out <- got{string(b), err}
	}()
	synctest.Wait()
	return out
}

// The value was overwritten and invalidated between the first look-up and the coming of the others.
func TestALookupIsNotSharedByWhoComesWhileItIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSlow()
		first := begin(t.Context(), c, "k", nil)
		s.values["k"] = "new"
		second, third := begin(t.Context(), c, "k", nil), begin(t.Context(), c, "k", nil)
		s.let <- struct{}{}
		assert.Equal(t, got{value: "old"}, <-first)
		s.let <- struct{}{}
		assert.Equal(t, got{value: "new"}, <-second)
		assert.Equal(t, got{value: "new"}, <-third)
		assert.Equal(t, [][]string{{"k"}, {"k"}}, s.asked, "those who came together share one")
		synctest.Wait() // nobody goes on asking
	})
}

func TestALookupThatIsWaitedForNoMoreIsNobodysError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSlow()
		ctx, cancel := context.WithCancel(t.Context())
		away := make(chan struct{})
		leaves, sent, stays := begin(ctx, c, "k", nil), begin(t.Context(), c, "l", away), begin(t.Context(), c, "k", nil)
		cancel()
		assert.ErrorIs(t, (<-leaves).err, context.Canceled)
		close(away)
		assert.ErrorIs(t, (<-sent).err, redisstore.ErrUnavailable)
		s.let <- struct{}{}
		s.let <- struct{}{}
		assert.Equal(t, got{value: "old"}, <-stays)
	})
}

func TestALargeCrowdIsAskedForInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSlow()
		s.err = errors.New("down")
		outs := make([]<-chan got, 0, 2*redisstore.ManyKeys+10)
		for i := range cap(outs) {
			outs = append(outs, begin(t.Context(), c, fmt.Sprint(i), nil))
		}
		close(s.let)
		for _, out := range outs {
			require.ErrorIs(t, (<-out).err, s.err)
		}
		var sizes []int
		for _, keys := range s.asked {
			sizes = append(sizes, len(keys))
		}
		assert.Equal(t, []int{1, redisstore.ManyKeys, redisstore.ManyKeys, 9}, sizes)
	})
}
