// Stock sells more than it has in one of three ways: read, think and write under a lock. A lock in another service can
// be lost at any instant, and then two are at it.
//
//   - A conditional UPDATE needs no lock and cannot oversell. Use it wherever the decision fits in a statement.
//   - A lock alone is not enough: here an operator deletes the key while its holder thinks.
//   - A lock whose fence the row compares is: the row refuses the holder that has lost it.
//
// The exit status is 1 if the first or the third sold what was not there.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cachet-go/cachet/examples/locks/demo"
	"github.com/cachet-go/cachet/lock"
)

const schema = `
	CREATE TABLE stock (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, fence INTEGER NOT NULL DEFAULT 0);
	INSERT INTO stock (id, n) VALUES (1, 20), (2, 20), (3, 20)`

func main() { demo.Main(schema, run) }

func run(ctx context.Context, w *demo.World) error {
	conditional(ctx, w)
	for id, way := range map[int]func(context.Context, *sql.DB, int, func()) error{2: unfenced, 3: fenced} {
		sold, left, err := overtaken(ctx, w, id, way)
		if err != nil {
			return err
		}
		if id == 2 {
			fmt.Printf("a lock alone:           %d sold, and the stock went down by %d, as was to be shown\n", sold, 20-left)
			continue
		}
		fmt.Printf("a lock and its fence:   %d sold, and the stock went down by %d\n", sold, 20-left)
		w.Checkf(sold == 20-left, "%d sold with a fence, and %d are left of 20", sold, left)
	}
	return nil
}

// conditional lets 60 buyers at 20 pieces.
func conditional(ctx context.Context, w *demo.World) {
	var sold atomic.Int32
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			res, err := w.DB.ExecContext(ctx, `UPDATE stock SET n = n - 1 WHERE id = 1 AND n >= 1`)
			if err != nil {
				return
			}
			if rows, err := res.RowsAffected(); err == nil && rows == 1 {
				sold.Add(1)
			}
		})
	}
	all.Wait()
	left := w.Int(ctx, `SELECT n FROM stock WHERE id = 1`)
	fmt.Printf("a conditional UPDATE:   %d of 20 sold to 60 buyers, %d left\n", sold.Load(), left)
	w.Checkf(sold.Load() == 20 && left == 0, "%d sold, %d left", sold.Load(), left)
}

// overtaken sells one piece to each of two buyers, the second while the first, that has lost its lock, still thinks.
func overtaken(
	ctx context.Context, w *demo.World, id int, sell func(context.Context, *sql.DB, int, func()) error,
) (sold, left int, err error) {
	locker, other := lock.New(w.Client, lock.Prefix(w.Prefix)), lock.New(w.Client, lock.Prefix(w.Prefix))
	defer locker.Close() //nolint:errcheck // returns nil
	defer other.Close()  //nolint:errcheck // returns nil
	key := fmt.Sprint("stock:", id)
	var second error
	first := locker.Do(ctx, key, func(ctx context.Context) error {
		return sell(ctx, w.DB, id, func() {
			w.Client.Del(ctx, w.Prefix+"{"+key+"}") // a FLUSHALL, a failover, a pause longer than the lease do the same
			second = other.Do(context.WithoutCancel(ctx), key, func(ctx context.Context) error {
				return sell(ctx, w.DB, id, func() {})
			})
		})
	})
	for _, err := range []error{first, second} {
		switch {
		case err == nil, errors.Is(err, lock.ErrLost) && !errors.Is(err, errRefused): // it sold, though it had lost the lock
			sold++
		case !errors.Is(err, errRefused):
			return 0, 0, err
		}
	}
	return sold, w.Int(ctx, `SELECT n FROM stock WHERE id = ?`, id), nil
}

var errRefused = errors.New("another holder has been at the row")

func unfenced(ctx context.Context, db *sql.DB, id int, think func()) error {
	var n int
	if err := db.QueryRowContext(ctx, `SELECT n FROM stock WHERE id = ?`, id).Scan(&n); err != nil {
		return err
	}
	think()
	_, err := db.ExecContext(ctx, `UPDATE stock SET n = ? WHERE id = ?`, n-1, id)
	return err
}

// fenced claims the row with its fence before it reads. Then no older holder writes after that, and its own write
// finds out whether a newer one has claimed the row in the meantime.
func fenced(ctx context.Context, db *sql.DB, id int, think func()) error {
	fence, _ := lock.FenceOf(ctx)
	var n int
	err := db.QueryRowContext(ctx,
		`UPDATE stock SET fence = ?1 WHERE id = ?2 AND fence <= ?1 RETURNING n`, fence, id).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return errRefused
	}
	if err != nil {
		return err
	}
	think()
	res, err := db.ExecContext(ctx, `UPDATE stock SET n = ? WHERE id = ? AND fence = ?`, n-1, id, fence)
	if err != nil {
		return err
	}
	if rows, err := res.RowsAffected(); err != nil || rows == 0 {
		return errors.Join(errRefused, err)
	}
	return nil
}
