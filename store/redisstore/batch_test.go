package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

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

func (s *slow) ask(keys []string, found redisstore.Found) error {
	s.asked = append(s.asked, keys)
	seen := make([]string, len(keys)) // as it is when the look-up begins
	for i, key := range keys {
		seen[i] = s.values[key]
	}
	<-s.let
	for i := range keys {
		found(i, []byte(seen[i]), s.err)
	}
	return s.err
}

func newSlow() (*redisstore.Crowd, *slow) {
	s := &slow{values: map[string]string{"k": "old"}, let: make(chan struct{})}
	return redisstore.NewCrowd(10, time.Second, s.ask), s
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

// Those who have left must not keep others from being served.
func TestNobodyIsAskedForThoseWhoHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSlow()
		first := begin(t.Context(), c, "k", nil)
		ctx, cancel := context.WithCancel(t.Context())
		gone := begin(ctx, c, "l", nil)
		cancel()
		<-gone
		s.let <- struct{}{}
		<-first
		synctest.Wait()
		assert.Equal(t, [][]string{{"k"}}, s.asked)
	})
}

func TestALookupThatHasWaitedTooLongIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSlow()
		first, second := begin(t.Context(), c, "k", nil), begin(t.Context(), c, "l", nil)
		time.Sleep(2*time.Second + 1)
		s.let <- struct{}{}
		assert.Equal(t, got{value: "old"}, <-first)
		assert.ErrorContains(t, (<-second).err, "too many look-ups")
		assert.Len(t, s.asked, 1)
	})
}

func TestBatchesThatTakeTooLongBecomeSmaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSlow()
		largest := func() int {
			s.asked = nil
			var outs []<-chan got
			for i := range redisstore.ManyKeys + 1 {
				outs = append(outs, begin(t.Context(), c, fmt.Sprint(i), nil))
			}
			for len(outs) > 0 {
				select {
				case s.let <- struct{}{}:
				case <-outs[0]:
					outs = outs[1:]
				}
			}
			most := 0
			for _, keys := range s.asked {
				most = max(most, len(keys))
			}
			return most
		}
		s.err = os.ErrDeadlineExceeded
		assert.Equal(t, redisstore.ManyKeys, largest())
		assert.Equal(t, 16, largest())
		s.err = nil
		largest()
		assert.Equal(t, redisstore.ManyKeys, largest())
	})
}

// A hook of the client, in a test say, may end the goroutine that runs it.
func TestACrowdOutlivesItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		times := 0
		c := redisstore.NewCrowd(10, time.Second, func(_ []string, found redisstore.Found) error {
			if times++; times == 1 {
				runtime.Goexit()
			}
			found(0, []byte("v"), nil)
			return nil
		})
		assert.Error(t, (<-begin(t.Context(), c, "k", nil)).err)
		assert.Equal(t, got{value: "v"}, <-begin(t.Context(), c, "k", nil))
	})
}
