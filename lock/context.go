package lock

import "context"

// identity is one lock among all, and finds it in a context.
type identity struct {
	locker any
	name   string
}

// innermost finds in a context the lock that was taken last.
type innermost struct{}

// lockContext carries a lock, so that it is found by what is called under it.
type lockContext struct {
	context.Context //nolint:containedctx // it is one
	lock            *Lock
}

func (c lockContext) Value(key any) any {
	switch key := key.(type) {
	case identity:
		if key == c.lock.id {
			return c.lock
		}
	case innermost:
		return c.lock
	}
	return c.Context.Value(key)
}

// FenceOf returns the fence of the lock whose context ctx is or comes from, the innermost if there are several.
// It reports false if there is none.
func FenceOf(ctx context.Context) (int64, bool) {
	k, ok := ctx.Value(innermost{}).(*Lock)
	if !ok {
		return 0, false
	}
	return k.Fence(), true
}

// holds reports whether ctx comes from that lock, and it is held.
func holds(ctx context.Context, id identity) bool {
	k, ok := ctx.Value(id).(*Lock)
	if !ok {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state == held
}
