package lock

import (
	"context"
	"time"
)

// tenancy is what a lock in Redis rests on: its key bears the owner. It implements tenure.
type tenancy struct {
	*place
	owner string
}

func (t tenancy) renew(ctx context.Context, lease time.Duration) error {
	v, err := renewScript.exec(ctx, t.locker.rdb, t.keys[:1], t.owner, ms(lease))
	if err == nil && v != int64(1) {
		return ErrLost
	}
	return err
}

func (t tenancy) letGo(deadline time.Time, keep time.Duration) error {
	return t.place.letGo(t.owner, deadline, keep)
}

// drop does not touch the seat, which has been given up. If only the replies to renewals were lost Redis still has
// the lock.
func (t tenancy) drop(deadline time.Time) { _ = t.release(t.owner, deadline, 0) }
