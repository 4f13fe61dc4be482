package cachet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/spool"
)

var (
	_ cachet.Spool = (*spool.Spool)(nil)
	_ cachet.Spool = (*box)(nil)
)

// box is a Spool that outlives a cache, but no process.
type box struct {
	mu   sync.Mutex
	keys map[string]uint64
	last uint64
	err  error
	held chan struct{} // not nil: Put waits for it to be closed
}

func newBox() *box { return &box{keys: make(map[string]uint64)} }

func (b *box) Put(keys ...string) (uint64, error) {
	b.mu.Lock()
	held := b.held
	b.mu.Unlock()
	if held != nil {
		<-held
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	b.last++
	for _, key := range keys {
		b.keys[key] = b.last
	}
	return b.last, nil
}

func (b *box) Done(id uint64, keys ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		if b.keys[key] <= id {
			delete(b.keys, key)
		}
	}
}

func (b *box) Pending(prefix string) map[string]uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := make(map[string]uint64)
	for key, id := range b.keys {
		if strings.HasPrefix(key, prefix) {
			found[key] = id
		}
	}
	return found
}

func spooled(b *box) func(*cachet.Config[string, string]) {
	return func(cfg *cachet.Config[string, string]) { cfg.Spool = b }
}

func TestAFailedInvalidationThatTheSpoolHasIsDeferred(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		c, src, st := cached(t, p, spooled(b))
		st.fail(errStore)
		err := c.Update(t.Context(), "k", src.write("k", "v2"))
		require.ErrorIs(t, err, cachet.ErrDeferred)
		require.ErrorIs(t, err, errStore)
		var ierr *cachet.InvalidationError
		require.ErrorAs(t, err, &ierr)
		require.Equal(t, []string{"test:k"}, ierr.Keys)
		require.Contains(t, b.Pending("test:"), "test:k")

		st.fail(nil)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		synctest.Wait()
		require.Empty(t, b.Pending(""))
		require.Equal(t, "v2", get(t, c))
	})
}

func TestTheNextCacheGoesOnWithWhatTheSpoolHas(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		_, err := b.Put("test:k", "other:k")
		require.NoError(t, err)
		before, src, _ := cached(t, p, nil) // stands for a process that has died
		src.set("k", "v2")
		require.Equal(t, "v1", get(t, before))

		cfg := src.config(false)
		cfg.Spool = b
		c := open(t, p, cfg)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		synctest.Wait()
		require.Equal(t, "v2", get(t, c))
		require.Contains(t, b.Pending(""), "other:k", "it is another cache's")
		require.Len(t, b.Pending(""), 1)
	})
}

func TestAnInvalidationThatTheSpoolRefusesIsRetriedButNotDeferred(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		b.err = errors.New("disk full")
		c, src, st := cached(t, p, spooled(b))
		st.fail(errStore)
		err := c.Update(t.Context(), "k", src.write("k", "v2"))
		require.ErrorIs(t, err, b.err)
		require.NotErrorIs(t, err, cachet.ErrDeferred)
		st.fail(nil)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		require.Equal(t, "v2", get(t, c))
	})
}

// A panic has no error beside it, but the keys are no less in need.
func TestThePanicOfAWriteSpoolsItsKeys(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		c, _, st := cached(t, p, spooled(b))
		st.fail(errStore)
		require.Panics(t, func() {
			_ = c.Update(t.Context(), "k", func(context.Context) error { panic("boom") })
		})
		require.Contains(t, b.Pending(""), "test:k")
		st.fail(nil)
	})
}

func TestCloseLeavesToTheSpoolWhatItCannotDeliver(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		st := &tapped{Store: p}
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.Name, cfg.Spool, cfg.Hooks.Error = "test", b, func(context.Context, error) {}
		c, err := cachet.New(st, cfg)
		require.NoError(t, err)
		st.fail(errStore)
		require.ErrorIs(t, c.Update(t.Context(), "k", src.write("k", "v2")), cachet.ErrDeferred)
		err = c.Close()
		require.ErrorIs(t, err, cachet.ErrDeferred)
		require.ErrorIs(t, err, cachet.ErrClosed)
		time.Sleep(time.Minute)
		require.Contains(t, b.Pending(""), "test:k")
		err = c.Update(t.Context(), "k", src.write("k", "v3"))
		require.ErrorIs(t, err, cachet.ErrClosed)
		require.NotErrorIs(t, err, cachet.ErrDeferred)
	})
}

// No copy outlives its TTL, and what is in the spool is of no use after that.
func TestTheSpoolIsToldWhenNoCopyCanBeLeft(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		c, src, st := cached(t, p, func(cfg *cachet.Config[string, string]) {
			cfg.Spool, cfg.TTL, cfg.NotFoundTTL = b, time.Minute, -1
		})
		st.fail(errStore)
		require.ErrorIs(t, c.Update(t.Context(), "k", src.write("k", "v2")), cachet.ErrDeferred)
		time.Sleep(30 * time.Second)
		require.Len(t, b.Pending(""), 1)
		time.Sleep(time.Minute)
		require.Zero(t, c.Stats().Pending)
		require.Empty(t, b.Pending(""))
		st.fail(nil)
	})
}

// The retry delivers while the spool is still being told of the key: nothing stays there.
func TestARetryThatIsFasterThanTheSpoolLeavesNothingThere(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		b.held = make(chan struct{})
		c, src, st := cached(t, p, spooled(b))
		st.fail(errStore)
		updated := make(chan error)
		go func() { updated <- c.Update(t.Context(), "k", src.write("k", "v2")) }()
		synctest.Wait()
		st.fail(nil)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		close(b.held)
		require.ErrorIs(t, <-updated, cachet.ErrDeferred)
		require.Empty(t, b.Pending(""))
	})
}

// A second write fails while the first one's key waits to be put in. When the first has been put in and delivered by
// nobody, the second one's entry must still be there.
func TestAnEntryOfAnEarlierWriteDoesNotTakeALaterOneWithIt(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		held := make(chan struct{})
		b.held = held
		c, src, st := cached(t, p, spooled(b))
		st.fail(errStore)
		first := make(chan error)
		go func() { first <- c.Update(t.Context(), "k", src.write("k", "v2")) }()
		synctest.Wait()
		b.mu.Lock()
		b.held = nil
		b.mu.Unlock()
		require.ErrorIs(t, c.Update(t.Context(), "k", src.write("k", "v3")), cachet.ErrDeferred)
		close(held)
		require.ErrorIs(t, <-first, cachet.ErrDeferred)
		require.Contains(t, b.Pending(""), "test:k")
		st.fail(nil)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		synctest.Wait()
		require.Empty(t, b.Pending(""))
	})
}

// Close has given up on a key that is only then put in: the next cache is to find it.
func TestAKeyThatIsPutInAfterCloseGaveUpStaysThere(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		b.held = make(chan struct{})
		st := &tapped{Store: p}
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.Name, cfg.Spool, cfg.Hooks.Error = "test", b, func(context.Context, error) {}
		c, err := cachet.New(st, cfg)
		require.NoError(t, err)
		st.fail(errStore)
		updated := make(chan error)
		go func() { updated <- c.Update(t.Context(), "k", src.write("k", "v2")) }()
		synctest.Wait()
		require.ErrorIs(t, c.Close(), cachet.ErrClosed)
		close(b.held)
		require.ErrorIs(t, <-updated, cachet.ErrDeferred)
		require.Contains(t, b.Pending(""), "test:k")
	})
}

// The spool has the key of the first write, and is full when the second fails: the retry is for both.
func TestAKeyThatTheSpoolHasAlreadyIsDoneWithInTheEnd(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		c, src, st := cached(t, p, spooled(b))
		st.fail(errStore)
		require.ErrorIs(t, c.Update(t.Context(), "k", src.write("k", "v2")), cachet.ErrDeferred)
		b.mu.Lock()
		b.err = errors.New("disk full")
		b.mu.Unlock()
		require.NotErrorIs(t, c.Update(t.Context(), "k", src.write("k", "v3")), cachet.ErrDeferred)
		st.fail(nil)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		synctest.Wait()
		require.Empty(t, b.Pending(""))
	})
}

func TestCloseDoesNotSayThatTheSpoolHasWhatItRefused(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		st := &tapped{Store: p}
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.Name, cfg.Spool, cfg.Hooks.Error = "test", b, func(context.Context, error) {}
		c, err := cachet.New(st, cfg)
		require.NoError(t, err)
		st.fail(errStore)
		require.ErrorIs(t, c.Update(t.Context(), "a", src.write("a", "1")), cachet.ErrDeferred)
		b.err = errors.New("disk full")
		require.NotErrorIs(t, c.Update(t.Context(), "b", src.write("b", "1")), cachet.ErrDeferred)
		err = c.Close()
		require.ErrorIs(t, err, cachet.ErrClosed)
		require.NotErrorIs(t, err, cachet.ErrDeferred)
	})
}

func TestWhatFindsNoRoomInTheQueueIsNotDeferred(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		b := newBox()
		st := count(p)
		cfg := newSource(nil).config(false)
		cfg.Spool = b
		c := open(t, st, cfg)
		st.fail(errStore)
		keys := make([]string, 70_000)
		for i := range keys {
			keys[i] = fmt.Sprint(i)
		}
		err := c.Invalidate(t.Context(), keys...)
		require.ErrorIs(t, err, cachet.ErrRetryFull)
		require.NotErrorIs(t, err, cachet.ErrDeferred)
		require.Len(t, b.Pending(""), 1<<16)
		st.fail(nil)
	})
}
