package lock_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/lock"
)

var (
	ctx    = context.Background()
	client = redis.NewClient(&redis.Options{})
	db     *sql.DB
)

func ExampleLocker_Do() {
	locker := lock.New(client)
	defer locker.Close()
	err := locker.Do(ctx, "report", func(ctx context.Context) error {
		// The row refuses holders that do not know yet that they have lost the lock.
		fence, _ := lock.FenceOf(ctx)
		_, err := db.ExecContext(ctx, "UPDATE report SET body = $1, fence = $2 WHERE id = 1 AND fence <= $2", "new", fence)
		return err
	})
	if errors.Is(err, lock.ErrLost) {
		fmt.Println("somebody else may have been at it")
	}
}

// One process rebuilds a cached page, and the others wait for it without taking the lock in turn.
func ExampleLocker_Wait() {
	locker := lock.New(client)
	defer locker.Close()
	k, err := locker.TryLock(ctx, "page:home")
	switch {
	case err == nil:
		defer k.Unlock()
		client.Set(k.Context(), "home", "<html>", time.Minute)
	case errors.Is(err, lock.ErrHeld):
		if err := locker.Wait(ctx, "page:home"); err == nil {
			fmt.Println(client.Get(ctx, "home").Val())
		}
	}
}

// Two accounts, in whatever order they are named.
func ExampleLocker_LockAll() {
	locker := lock.New(client)
	defer locker.Close()
	k, err := locker.LockAll(ctx, []string{"account:9", "account:4"})
	if err != nil {
		return
	}
	defer k.Unlock()
}

// A job that runs on several hosts, once per hour.
func ExampleLocker_First() {
	locker := lock.New(client)
	defer locker.Close()
	tick := time.Now().Truncate(time.Hour)
	if first, err := locker.First(ctx, "report:"+tick.Format(time.RFC3339), 2*time.Hour); err == nil && first {
		fmt.Println("our turn")
	}
}

// A request with an idempotency key: its repetition gets the same answer, another body under the same key an error.
func ExampleOnce() {
	locker := lock.New(client)
	defer locker.Close()
	body := []byte(`{"total": 7}`)
	receipt, replayed, err := lock.Once(ctx, locker, "idempotency:4711", 24*time.Hour,
		func(ctx context.Context) (string, error) { return "paid", nil },
		lock.Fingerprint(body))
	fmt.Println(receipt, replayed, err)
}
