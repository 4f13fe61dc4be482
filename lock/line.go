package lock

import (
	"context"
	"regexp"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// line is one connection of a hub. Its goroutine does everything on it, so that nobody is held up by it, and what it is
// subscribed to follows from what is listened to: two who did so themselves could overtake one another.
type line struct {
	hub     *hub
	shard   string
	client  redis.UniversalClient
	sharded bool // messages stay in their shard, if the server is of a version that can

	changed chan struct{} // of capacity 1: there are changes
	changes map[string]struct{}

	// Of the goroutine.
	sub  *redis.PubSub
	msgs <-chan any
	subs map[string]*topic // what it is subscribed to
}

// touchLocked says that a channel has come or gone. hub.mu is held; it guards changes too.
func (ln *line) touchLocked(channel string) {
	ln.changes[channel] = struct{}{}
	select {
	case ln.changed <- struct{}{}:
	default:
	}
}

func (ln *line) run() {
	ln.subs = make(map[string]*topic)
	tick := time.NewTicker(linger / 3)
	defer tick.Stop()
	defer ln.hangUp()
	for {
		select {
		case <-ln.hub.ctx.Done():
			return
		case <-tick.C:
			ln.hub.mu.Lock()
			needed := ln.hub.sweepLocked(ln)
			ln.hub.mu.Unlock()
			if !needed {
				return
			}
		case <-ln.changed:
			ln.follow()
		case m := <-ln.msgs:
			ln.receive(m)
		}
	}
}

// follow subscribes to what has come and unsubscribes from what has gone. What fails the client repeats when it
// reconnects.
func (ln *line) follow() {
	var come, gone []string
	ln.hub.mu.Lock()
	for channel := range ln.changes {
		t := ln.hub.topics[channel]
		switch {
		case t == nil && ln.subs[channel] != nil:
			gone = append(gone, channel)
			delete(ln.subs, channel)
		case t != nil && t.line == ln && t != ln.subs[channel]:
			come = append(come, channel)
			ln.subs[channel] = t
		}
	}
	clear(ln.changes)
	ln.hub.mu.Unlock()
	ctx := ln.hub.ctx
	if ln.sub == nil {
		if len(come) == 0 {
			return
		}
		ln.sharded = ln.sharded && modern(ctx, ln.client)
		ln.sub = ln.client.Subscribe(ctx)
		ln.subscribe(ctx, come)
		ln.msgs = ln.sub.ChannelWithSubscriptions()
		return
	}
	ln.subscribe(ctx, come)
	if len(gone) > 0 && ln.sharded {
		_ = ln.sub.SUnsubscribe(ctx, gone...)
	} else if len(gone) > 0 {
		_ = ln.sub.Unsubscribe(ctx, gone...)
	}
}

// subscribe subscribes one by one in a shard, since one command must not name channels of several slots.
func (ln *line) subscribe(ctx context.Context, channels []string) {
	if !ln.sharded {
		if len(channels) > 0 {
			_ = ln.sub.Subscribe(ctx, channels...)
		}
		return
	}
	for _, channel := range channels {
		_ = ln.sub.SSubscribe(ctx, channel)
	}
}

// receive hands out a message. A subscription that is confirmed, perhaps not for the first time, is a reason to look:
// what came before it is lost.
func (ln *line) receive(m any) {
	switch m := m.(type) {
	case *redis.Message:
		ln.hub.tell(m.Channel, parseMessage(m.Payload), false)
	case *redis.Subscription:
		if m.Kind == "subscribe" || m.Kind == "ssubscribe" {
			ln.hub.tell(m.Channel, message{}, true)
		}
	}
}

// hangUp closes the connection. It returns when the client's goroutines have let go of it.
func (ln *line) hangUp() {
	if ln.sub == nil {
		return
	}
	_ = ln.sub.Close()
	for range ln.msgs {
		continue
	}
}

var version = regexp.MustCompile(`redis_version:(\d+)`)

// modern reports whether the server is of version 7 or later, as scripts find out on their side.
func modern(ctx context.Context, client redis.UniversalClient) bool {
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return true
	}
	m := version.FindStringSubmatch(info)
	if m == nil {
		return true
	}
	major, err := strconv.Atoi(m[1])
	return err == nil && major >= 7
}
