package redisstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Advise says what could be set up better, on the servers and in the client, for a cache that is to be true and
// there: docs/operations.md has the reasons. What a server does not tell, as managed ones tell little, is left out. It
// returns an error if a server cannot be asked at all. cachet.New calls it where Hooks.Advice is set.
func (s *Store) Advise(ctx context.Context) ([]string, error) {
	var (
		mu     sync.Mutex
		advice = clientAdvice(s.hubs.client)
		err    = servers(ctx, s.hubs.client, func(ctx context.Context, server *redis.Client) error {
			if quick, ok := s.reads.client.(*redis.Client); ok {
				server = quick // the same, with the time-outs of readers
			}
			found, err := s.serverAdvice(ctx, server)
			mu.Lock()
			defer mu.Unlock()
			for _, text := range found {
				if !slices.Contains(advice, text) {
					advice = append(advice, text)
				}
			}
			return err
		})
	)
	return advice, err
}

func clientAdvice(client redis.UniversalClient) []string {
	var bounded bool
	switch c := client.(type) {
	case *redis.ClusterClient:
		bounded = c.Options().ContextTimeoutEnabled
	case *redis.Ring:
		bounded = c.Options().ContextTimeoutEnabled
	default:
		return nil // the store has time-outs of its own
	}
	if bounded {
		return nil
	}
	return []string{"client: ContextTimeoutEnabled is off: a server that does not answer is waited for beyond deadlines"}
}

func (s *Store) serverAdvice(ctx context.Context, server *redis.Client) (advice []string, err error) {
	text, err := server.Info(ctx, "everything").Result()
	if err != nil {
		return nil, err
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	if info["maxmemory"] == "0" {
		advice = append(advice, "server: maxmemory is 0: it grows until the system ends it")
	}
	if info["maxmemory_policy"] == "noeviction" {
		advice = append(advice, "server: maxmemory-policy is noeviction: once memory is full nothing more is stored")
	}
	saves, err := server.ConfigGet(ctx, "save").Result()
	if _, told := errors.AsType[redis.Error](err); err != nil && !told {
		return advice, err
	}
	if info["aof_enabled"] == "1" || saves["save"] != "" {
		advice = append(advice, "server: it is persistent: a restart may bring back what was invalidated before")
	}
	if n := info["connected_slaves"]; n != "" && n != "0" && s.replicated.n == 0 {
		advice = append(advice, "server: it has replicas, and Options.Replicas is 0: a failover may lose an invalidation")
	}
	return advice, nil
}
