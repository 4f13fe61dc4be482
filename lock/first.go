package lock

import (
	"context"
	"errors"
	"time"
)

// First reports whether this is the first call for key within window, over all processes. It begins anew when window
// has passed since that first call; there is nothing to let go of. It serves to ignore a double click, or to run a job
// once per tick on several hosts: First(ctx, "report:"+tick.Format(time.RFC3339), time.Hour).
//
// It returns false with the client's error, when the first call may have been recorded or not. window must be positive.
func (l *Locker) First(ctx context.Context, key string, window time.Duration) (bool, error) {
	name, err := l.cfg.name(key)
	if err != nil {
		return false, err
	}
	if window <= 0 {
		return false, errors.New("lock: First needs a window")
	}
	v, err := firstScript.exec(ctx, l.rdb, []string{name + ":first"}, l.sign(), ms(window))
	return v == int64(1), err
}
