package cachet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/store"
)

// writers are the ways of changing a record that are acknowledged.
var writers = map[string]func(ctx context.Context, c *cachet.Cache[string, string], src *source, key, v string) error{
	"Update": func(ctx context.Context, c *cachet.Cache[string, string], src *source, key, v string) error {
		return c.Update(ctx, key, src.write(key, v))
	},
	"UpdateMany": func(ctx context.Context, c *cachet.Cache[string, string], src *source, key, v string) error {
		return c.UpdateMany(ctx, []string{"other", key, key}, src.write(key, v))
	},
	"Invalidate": func(ctx context.Context, c *cachet.Cache[string, string], src *source, key, v string) error {
		src.set(key, v)
		return c.Invalidate(ctx, key)
	},
}

// strategies leave nothing of what was there before a write.
var strategies = map[string]cachet.Strategy{
	"plain":       aside.Strategy{},
	"fenced":      aside.Strategy{Fence: time.Minute},
	"probation":   aside.Strategy{ReplicaLag: time.Second},
	"everything":  aside.Strategy{Fence: time.Minute, ReplicaLag: time.Second, Strict: true},
	"by pointer":  &aside.Strategy{},
	"strict only": aside.Strategy{Strict: true},
}

// joins starts the reads that try to join the load under way.
func joins(ctx context.Context, c *cachet.Cache[string, string]) []<-chan answer {
	return []<-chan answer{reader(ctx, c, "k"), batchReader(ctx, c, "k"), reader(ctx, c, "k"), batchReader(ctx, c, "k", "beside")}
}

func allRead(t *testing.T, want string, reads []<-chan answer) {
	t.Helper()
	for _, w := range reads {
		a := receive(t, "a reader", w)
		require.NoError(t, a.err)
		require.Equal(t, want, a.value)
	}
}

// settled waits until what was started has come as far as it can.
func settled() { time.Sleep(30 * time.Millisecond) }

// A load has read v1 and stalls. v2 is written and acknowledged. Whoever asks now must not be handed v1, by
// this load or by what it stores; whoever came before is sent on, since the fill is refused.
func TestGetAfterAWriteNeverJoinsAnOlderLoad(t *testing.T) {
	b := newBed(t)
	for strategy, how := range strategies {
		for name, write := range writers {
			for _, batch := range []bool{false, true} {
				what := strategy + "/" + name
				if batch {
					what += "/batch"
				}
				t.Run(what, func(t *testing.T) {
					b.each(t, func(t *testing.T, p place) {
						src := newSource(map[string]string{"k": "v1"})
						load := src.hold(t, 1)
						cfg := src.config(batch)
						cfg.Strategy = how
						c := open(t, p, cfg)
						leader := reader(t.Context(), c, "k")
						load.awaitRead(t)
						before := joins(t.Context(), c)
						until(t, "they have joined", func() bool { return c.Stats().Merged >= 4 })
						require.NoError(t, write(t.Context(), c, src, "k", "v2"))
						after := joins(t.Context(), c)
						settled()
						load.resume()
						allRead(t, "v2", after)
						allRead(t, "v2", before)
						a := receive(t, "the leader", leader)
						require.NoError(t, a.err)
						require.Contains(t, []string{"v1", "v2"}, a.value, "it came before the write")
						require.EqualValues(t, 1, c.Stats().Refused)
						v, err := c.Get(t.Context(), "k")
						require.NoError(t, err)
						require.Equal(t, "v2", v)
					})
				})
			}
		}
	}
}

// The same with a write in another process.
func TestGetAfterAWriteElsewhereNeverJoinsAnOlderLoad(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		here, there := open(t, p, src.config(false)), open(t, p, src.config(false))
		leader := reader(t.Context(), here, "k")
		load.awaitRead(t)
		waiting := reader(t.Context(), there, "k")
		until(t, "the other process waits", func() bool { return there.Stats().Waits == 1 })
		require.NoError(t, there.Update(t.Context(), "k", src.write("k", "v2")))
		after := joins(t.Context(), here)
		v, err := there.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v2", v)
		load.resume()
		allRead(t, "v2", after)
		require.NoError(t, receive(t, "the leader", leader).err)
		require.Equal(t, "v2", receive(t, "the one that waited", waiting).value)
	})
}

// The fill of v1 is executed, its reply is on the way. v2 is written and acknowledged. Whoever asks now must
// not join a flight whose fill was accepted.
func TestGetBetweenAFillAndItsReplyIsNotHandedWhatAWriteHasOvertaken(t *testing.T) {
	b := newBed(t)
	for _, batch := range []bool{false, true} {
		for name, write := range writers {
			t.Run(name, func(t *testing.T) {
				b.each(t, func(t *testing.T, p place) {
					src := newSource(map[string]string{"k": "v1"})
					st := &tapped{Store: p}
					c := open(t, st, src.config(batch))
					fill := tapNext(&st.filled)
					leader := reader(t.Context(), c, "k")
					receive(t, "the fill is executed", fill.executed)
					require.NoError(t, write(t.Context(), c, src, "k", "v2"))
					after := joins(t.Context(), c)
					settled()
					close(fill.pass)
					allRead(t, "v2", after)
					allRead(t, "v1", []<-chan answer{leader})
				})
			})
		}
	}
}

// A leader who asks for the lease finds v1 stored; the reply is on the way. v2 is written and acknowledged.
// What the leader has found is its own and theirs who came before it asked.
func TestWhatTheLeaderFoundStoredIsNotHandedToThoseWhoCameAfterAWrite(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		st := &tapped{Store: p}
		here, there := open(t, st, src.config(false)), open(t, p, src.config(false))
		look := tapNext(&st.looked)
		leader := reader(t.Context(), here, "k")
		receive(t, "the leader sees nothing", look.executed)
		allRead(t, "v1", []<-chan answer{reader(t.Context(), there, "k")})
		lease := tapNext(&st.leased)
		close(look.pass)
		receive(t, "the leader asks for the lease", lease.executed)
		require.NoError(t, there.Update(t.Context(), "k", src.write("k", "v2")))
		after := joins(t.Context(), here)
		until(t, "they have joined", func() bool { return here.Stats().Merged >= 4 })
		close(lease.pass)
		allRead(t, "v2", after)
		allRead(t, "v1", []<-chan answer{leader})
	})
}

// A value that the leader of a batch has found is not shared either, and neither is one found after waiting.
func TestWhatAWaiterFoundStoredIsNotHandedToThoseWhoCameAfterAWrite(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		st := &tapped{Store: p}
		here, there := open(t, st, src.config(true)), open(t, p, src.config(true))
		other := reader(t.Context(), there, "k")
		load.awaitRead(t)
		waiter := batchReader(t.Context(), here, "k", "other")
		until(t, "it waits", func() bool { return here.Stats().Waits == 1 })
		settled()
		lease := tapNext(&st.leased)
		receive(t, "the waiter looks", lease.executed)
		// It has seen a lease, and looks again when told to go on: by then v1 is stored.
		load.resume()
		allRead(t, "v1", []<-chan answer{other})
		found := tapNext(&st.leased)
		close(lease.pass)
		receive(t, "the waiter finds v1", found.executed)
		require.NoError(t, there.Update(t.Context(), "k", src.write("k", "v2")))
		after := joins(t.Context(), here)
		until(t, "they have joined", func() bool { return here.Stats().Merged >= 4 })
		close(found.pass)
		allRead(t, "v2", after)
		allRead(t, "v1", []<-chan answer{waiter})
	})
}

// load1 reads v1 and stalls; a write; load2, of the same client, takes the lease and reads v2; load1 comes
// back. Its fill is refused, for the lease is not the one it was given.
func TestFillByAnEarlierLeaseOfTheSameClientIsRefused(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load1, load2 := src.hold(t, 1), src.hold(t, 2)
		one, two := open(t, p, src.config(false)), open(t, p, src.config(false))
		first := reader(t.Context(), one, "k")
		load1.awaitRead(t)
		require.NoError(t, two.Update(t.Context(), "k", src.write("k", "v2")))
		second := reader(t.Context(), two, "k")
		load2.awaitRead(t)

		load1.resume()
		require.NoError(t, receive(t, "load1", first).err)
		require.EqualValues(t, 1, one.Stats().Refused)
		_, ok, err := one.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, ok, "load1 has stored")

		load2.resume()
		allRead(t, "v2", []<-chan answer{second})
		require.Zero(t, two.Stats().Refused, "load2 lost its lease")
		allRead(t, "v2", []<-chan answer{reader(t.Context(), one, "k")})
		require.Equal(t, 2, src.count())
	})
}

func TestAbsenceThatAnInsertHasOvertakenIsNotRemembered(t *testing.T) {
	b := newBed(t)
	for name, write := range writers {
		for _, batch := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				b.each(t, func(t *testing.T, p place) {
					src := newSource(nil)
					load := src.hold(t, 1)
					c := open(t, p, src.config(batch))
					leader := reader(t.Context(), c, "k")
					load.awaitRead(t)
					require.NoError(t, write(t.Context(), c, src, "k", "v1"))
					after := joins(t.Context(), c)
					settled()
					load.resume()
					allRead(t, "v1", after)
					receive(t, "the leader", leader)
					allRead(t, "v1", joins(t.Context(), c))
				})
			})
		}
	}
}

// A load without a lease proves nothing by itself: v1 is read under the fence of a writer who then commits v2.
func TestWhatWasReadUnderAFenceIsNotHandedToThoseWhoCameAfterTheWrite(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		cfg := src.config(false)
		cfg.Strategy = aside.Strategy{Fence: time.Minute}
		c := open(t, p, cfg)
		var early <-chan answer
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			early = reader(t.Context(), c, "k")
			load.awaitRead(t)
			src.set("k", "v2")
			return nil
		}))
		after := joins(t.Context(), c)
		until(t, "they have joined", func() bool { return c.Stats().Merged >= 4 })
		load.resume()
		allRead(t, "v2", after)
		allRead(t, "v1", []<-chan answer{early})
		require.EqualValues(t, 1, c.Stats().Unfilled)
	})
}

// unsure is a store that executes fills and loses the reply.
type unsure struct{ store.Store }

func (u unsure) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	u.Store.Fill(ctx, fills...)
	verdicts := make([]store.Verdict, len(fills))
	for i := range verdicts {
		verdicts[i].Err = errors.New("no reply")
	}
	return verdicts
}

// A verdict that is not known is a refusal, to those who came while the load ran.
func TestWithoutTheReplyToAFillOnlyThoseWhoCameBeforeTheLoadMayHaveItsResult(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		c := open(t, unsure{p}, src.config(false))
		leader := reader(t.Context(), c, "k")
		load.awaitRead(t)
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		after := joins(t.Context(), c)
		until(t, "they have joined", func() bool { return c.Stats().Merged >= 4 })
		load.resume()
		allRead(t, "v2", after)
		allRead(t, "v1", []<-chan answer{leader})
	})
}

// Fresh has a load of its own, while one that began before it is under way.
func TestFreshNeverJoinsALoadThatBeganBeforeIt(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		c := open(t, p, src.config(false))
		leader := reader(t.Context(), c, "k")
		load.awaitRead(t)
		src.set("k", "v2") // by a program that knows nothing of the cache
		allRead(t, "v2", []<-chan answer{reader(t.Context(), c, "k", cachet.Fresh())})
		m, err := c.GetMany(t.Context(), []string{"k"}, cachet.Fresh())
		require.NoError(t, err)
		require.Equal(t, "v2", m["k"])
		require.EqualValues(t, 2, c.Stats().Unfilled, "it took the lease away")
		load.resume()
		allRead(t, "v1", []<-chan answer{leader})
	})
}

// Any DEL is an invalidation, whoever sends it.
func TestForeignDeleteRefusesTheFillOfALoadUnderWay(t *testing.T) {
	newBed(t).real(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		c := open(t, p, src.config(false))
		leader := reader(t.Context(), c, "k")
		load.awaitRead(t)
		src.set("k", "v2")
		require.EqualValues(t, 1, p.redis.Del(t.Context(), "test:k").Val())
		after := joins(t.Context(), c)
		load.resume()
		allRead(t, "v2", after)
		require.NoError(t, receive(t, "the leader", leader).err)
		require.EqualValues(t, 1, c.Stats().Refused)
	})
}
