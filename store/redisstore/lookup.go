package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// answer is what the server said of a key.
type answer struct {
	b   []byte
	err error
}

// found is told what a look-up of the i-th key has come to.
type found func(i int, b []byte, err error)

// reading is a way to read keys: mget or gets.
type reading func(
	ctx context.Context, client redis.UniversalClient, keys []string, limit time.Duration, found found,
) error

// read reads keys unless the server is known to fail.
func (l *lane) read(ctx context.Context, how reading, keys []string, found found) {
	if err := l.enter(ctx); err != nil {
		for i := range keys {
			found(i, nil, err)
		}
		return
	}
	client, limit := l.of(len(keys), 0)
	l.leave(ctx, how(ctx, client, keys, limit, found))
}

// mget reads keys of one server at once, and returns the error that it has told of all of them.
func mget(
	ctx context.Context, client redis.UniversalClient, keys []string, limit time.Duration, found found,
) error {
	args := make([]any, len(keys)+1)
	args[0] = "mget"
	for i, key := range keys {
		args[i+1] = key
	}
	cmd := redis.NewStringSliceCmd(ctx, args...) // MGet returns a boxed string for each key
	b := &brief{Context: ctx, timeout: limit}
	defer b.end()
	err := client.Process(b, cmd)
	values := cmd.Val()
	// A cluster of one, by a client that does not know; or a user who may GET some of them.
	if redis.HasErrorPrefix(err, "CROSSSLOT") || redis.HasErrorPrefix(err, "NOPERM") {
		return gets(ctx, client, keys, limit, found)
	}
	for i := range keys {
		switch {
		case err != nil:
			found(i, nil, err)
		case i >= len(values) || values[i] == "":
			found(i, nil, redis.Nil)
		default:
			found(i, shared(values[i]), nil)
		}
	}
	return err
}

// gets reads keys by a pipeline, and returns its error.
func gets(
	ctx context.Context, client redis.UniversalClient, keys []string, limit time.Duration, found found,
) error {
	pipe := client.Pipeline()
	cmds := make([]*redis.Cmd, len(keys))
	for i, key := range keys {
		cmds[i] = pipe.Do(ctx, "get", key)
	}
	err := send(ctx, limit, pipe)
	unanswered(cmds, err)
	for i, cmd := range cmds {
		text, err := cmd.Text()
		found(i, shared(text), err)
	}
	return err
}
