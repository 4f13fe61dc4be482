package lock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// Each sleep of those who wait is bounded, by what comes first.
const (
	// nap bounds it when nothing is heard: messages get lost.
	nap = 2 * time.Second
	// spread is added at random, so that not all processes look at the end of a lease at once.
	spread = 25 * time.Millisecond
	// reserved is how long the lock is kept for the process that was woken, and a little: it may be dead. This long
	// waits the one that comes after it.
	reserved = 35 * time.Millisecond
	// Those further back wait between silence and three times as long: the one before may be dead too.
	silence = 60 * time.Millisecond
)

// seeker has the seat of a place and takes the lock for whoever is first in the queue.
type seeker struct {
	*place
	ear    *ear
	queued bool // this process stands in the queue in Redis, or may do so
}

func (p *place) newSeeker() *seeker {
	return &seeker{place: p, ear: p.locker.hub.attach(p.name, p.hear, false)}
}

// seek goes on until the lock is taken or nobody wants it any more.
func (s *seeker) seek() {
	for s.step() {
		continue
	}
}

// step asks once, and sleeps if somebody is to wait. It reports whether the seat is still the seeker's.
func (s *seeker) step() bool {
	w := s.head()
	if w == nil {
		s.giveUp()
		return false
	}
	g, left, err := s.ask(w, s.queued)
	switch {
	case err != nil:
		s.locker.mu.Lock()
		s.failLocked(err)
		s.locker.mu.Unlock()
		if !isReply(err) { // then it may have been granted, or the process may stand in the queue
			s.undo(g.owner)
			s.queued = true
		}
	case g.fence != 0 && !time.Now().Before(g.deadline): // it took longer than the lease
		s.undo(g.owner)
	case g.fence != 0:
		s.locker.hub.detach(s.name, s.ear)
		s.deliver(w, g)
		return false
	default:
		s.queued = s.queued || !w.try
		if s.stay() {
			s.rest(left)
		}
	}
	return true
}

// rest sleeps until it is time to look again.
func (s *seeker) rest(left time.Duration) {
	if s.ear == nil {
		s.ear = s.locker.hub.attach(s.name, s.hear, true) // and looks once more when messages are sure to come
	}
	s.alarm.sleep(min(left, nap) + rand.N(spread)) //nolint:gosec // no secret
	s.locker.mu.Lock()
	s.taken = false
	s.locker.mu.Unlock()
}

func (s *seeker) giveUp() {
	s.locker.hub.detach(s.name, s.ear)
	if s.queued {
		_, _ = leaveScript.execOnce(context.Background(), s.locker.rdb, s.keys, s.locker.process, 0, s.locker.sharded())
	}
	s.vacate()
}

func (p *place) head() *waiter {
	p.locker.mu.Lock()
	defer p.locker.mu.Unlock()
	if len(p.queue) == 0 {
		return nil
	}
	return p.queue[0]
}

// stay refuses those who do not wait, as the lock is held elsewhere, and reports whether there are others.
func (p *place) stay() bool {
	p.locker.mu.Lock()
	defer p.locker.mu.Unlock()
	p.refuseLocked()
	p.streak = 0
	return len(p.queue) > 0
}

// hear is told of messages.
func (p *place) hear(m message) {
	switch p.locker.process {
	case m.first:
		p.alarm.set(0)
	case m.second:
		p.alarm.set(reserved)
	default:
		if m.first == "" {
			p.alarm.set(0)
		} else {
			p.alarm.set(silence + rand.N(2*silence)) //nolint:gosec // no secret
		}
	}
}

// ask asks Redis for the lock. If it is taken the grant has no fence, and left is what is left of the lease.
func (p *place) ask(w *waiter, queued bool) (g grant, left time.Duration, err error) {
	mode := 1
	switch {
	case queued:
		mode = 2
	case w.try:
		mode = 0
	}
	owner, lease, sent := p.locker.sign(), w.cfg.lease(0), time.Now()
	ctx := context.WithoutCancel(w.ctx)
	var v any
	short := error(nil)
	if w.cfg.replicas > 0 {
		v, short, err = p.replicate(ctx, w.cfg, owner, ms(lease), mode)
	} else {
		v, err = acquireScript.exec(ctx, p.locker.rdb, p.keys, owner, ms(lease), mode)
	}
	if err != nil {
		return grant{owner: owner}, 0, err
	}
	if g, ok := parseGrant(v, owner, sent.Add(lease)); ok {
		if g.err == nil {
			g.err = short
		}
		return g, 0, nil
	}
	n, _ := v.(int64)
	left = time.Duration(-1-n) * time.Millisecond
	if left < 0 { // no lease: somebody else's key
		left = nap
	}
	return grant{owner: owner}, left, nil
}

// replicate asks for the lock and waits for replicas, by one connection.
func (p *place) replicate(
	ctx context.Context, cfg config, owner string, lease int64, mode int,
) (v any, short, err error) {
	var client redis.Cmdable = p.locker.rdb
	if cluster, ok := p.locker.rdb.(*redis.ClusterClient); ok {
		if client, err = cluster.MasterForKey(ctx, p.name); err != nil {
			return nil, nil, err
		}
	}
	for _, whole := range []bool{false, true} {
		pipe := client.Pipeline()
		cmd := acquireScript.command(ctx, whole, p.keys, []any{owner, lease, mode})
		_ = pipe.Process(ctx, cmd)
		wait := redis.NewIntCmd(ctx, "wait", cfg.replicas, ms(cfg.replication))
		_ = pipe.Process(ctx, wait)
		_, _ = pipe.Exec(ctx)
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			continue
		}
		v, err = cmd.Result()
		if err == nil {
			short = enough(wait, cfg.replicas)
		}
		break
	}
	return v, short, err
}

// enough returns an error if fewer than n replicas answered to wait.
func enough(wait *redis.IntCmd, n int) error {
	switch acks, err := wait.Result(); {
	case err != nil:
		return fmt.Errorf("lock: waiting for replicas: %w", err)
	case acks < int64(n):
		return fmt.Errorf("lock: %d of %d replicas have it", acks, n)
	}
	return nil
}
