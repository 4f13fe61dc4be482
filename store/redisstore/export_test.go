package redisstore //nolint:testpackage // it opens the package to its tests

import "context"

// What tests see of the inside.
type (
	Crowd = crowd
	Found = found
)

const ManyKeys = manyKeys

var NewCrowd = newCrowd

func (c *Crowd) Get(ctx context.Context, key string, away <-chan struct{}) ([]byte, error) {
	return c.get(ctx, key, away)
}
