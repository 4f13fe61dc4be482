// Coupons gives ten coupons to thirty impatient users, who click three times each, at three servers.
//
// Two different things must not happen. A user must not get two: Once per user and coupon answers every click with
// what the first one got, and the primary key of table issued is what makes it certain. More than ten must not be
// given: that is a conditional UPDATE in the same transaction, and no lock. The exit status is 1 if either happens.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cachet-go/cachet/examples/locks/demo"
	"github.com/cachet-go/cachet/lock"
)

const schema = `
	CREATE TABLE coupon (id TEXT PRIMARY KEY, remaining INTEGER NOT NULL);
	CREATE TABLE issued (coupon TEXT NOT NULL, user INTEGER NOT NULL, PRIMARY KEY (coupon, user));
	INSERT INTO coupon VALUES ('summer', 10)`

const (
	users, clicks, servers = 30, 3, 3
	keep                   = 10 * time.Minute // for how long a click gets the answer of the first; in earnest a day
)

func main() { demo.Main(schema, run) }

// answer is what a user is told. That there are none left is an answer like any other: an error would not be recorded.
type answer struct{ Issued bool }

func run(ctx context.Context, w *demo.World) error {
	var lockers [servers]*lock.Locker
	for i := range lockers {
		lockers[i] = lock.New(w.Client, lock.Prefix(w.Prefix))
		defer lockers[i].Close() //nolint:errcheck,revive,gocritic // three, and it returns nil
	}
	var answers [users][clicks]answer
	var errs [users * clicks]error
	var all sync.WaitGroup
	for click := range clicks {
		for user := range users {
			all.Go(func() {
				locker := lockers[(user+click)%servers]
				answers[user][click], errs[user*clicks+click] = claim(ctx, locker, w.DB, "summer", user)
			})
		}
	}
	all.Wait()
	happy := 0
	for user, got := range answers {
		w.Checkf(got[0] == got[1] && got[1] == got[2], "user %d was told %v", user, got)
		if got[0].Issued {
			happy++
		}
	}
	issued := w.Int(ctx, `SELECT count(*) FROM issued`)
	fmt.Printf("%d users with %d clicks each: %d told that they have a coupon, %d issued, %d left\n",
		users, clicks, happy, issued, w.Int(ctx, `SELECT remaining FROM coupon`))
	w.Checkf(issued == 10 && happy == 10, "%d issued, %d users told so, of 10", issued, happy)
	return errors.Join(errs[:]...)
}

func claim(ctx context.Context, locker *lock.Locker, db *sql.DB, coupon string, user int) (answer, error) {
	key := fmt.Sprintf("coupon:%s:%d", coupon, user)
	a, _, err := lock.Once(ctx, locker, key, keep, func(ctx context.Context) (answer, error) {
		return issue(ctx, db, coupon, user)
	})
	return a, err
}

func issue(ctx context.Context, db *sql.DB, coupon string, user int) (answer, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return answer{}, err
	}
	defer tx.Rollback()
	// If the record of Once was lost with the server, the user has one already.
	res, err := tx.ExecContext(ctx, `INSERT INTO issued VALUES (?, ?) ON CONFLICT DO NOTHING`, coupon, user)
	if n, err := affected(res, err); err != nil || n == 0 {
		return answer{Issued: true}, err
	}
	res, err = tx.ExecContext(ctx, `UPDATE coupon SET remaining = remaining - 1 WHERE id = ? AND remaining > 0`, coupon)
	if n, err := affected(res, err); err != nil || n == 0 {
		return answer{}, err
	}
	return answer{Issued: true}, tx.Commit()
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
