// Debounce takes a form that is submitted by a double click, at two servers, once.
//
// First needs no lock and nothing is let go of: the mark stands for the window, so that a second click that comes after
// the first was served is ignored as well. A lock that is held while the form is served would let it through. The key
// names who does what; a click on something else is no double click. The exit status is 1 if a form was taken twice
// or not at all.
package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cachet-go/cachet/examples/locks/demo"
	"github.com/cachet-go/cachet/lock"
)

const schema = `CREATE TABLE comment (user INTEGER NOT NULL, body TEXT NOT NULL)`

const window = 2 * time.Second

func main() { demo.Main(schema, run) }

func run(ctx context.Context, w *demo.World) error {
	locker, other := lock.New(w.Client, lock.Prefix(w.Prefix)), lock.New(w.Client, lock.Prefix(w.Prefix))
	defer locker.Close() //nolint:errcheck // returns nil
	defer other.Close()  //nolint:errcheck // returns nil
	submit := func(l *lock.Locker, user int, body string) error {
		first, err := l.First(ctx, fmt.Sprintf("comment:%d", user), window)
		if err != nil || !first {
			return err // if Redis is down the click failed, and the user clicks again
		}
		_, err = w.DB.ExecContext(ctx, `INSERT INTO comment VALUES (?, ?)`, user, body)
		return err
	}
	start := time.Now()
	var all sync.WaitGroup
	errs := make(chan error, 12)
	for _, l := range []*lock.Locker{locker, other} {
		for user := range 2 {
			all.Go(func() {
				for range 3 { // one after the other: the earlier has been served
					errs <- submit(l, user, "hello")
				}
			})
		}
	}
	all.Wait()
	for range 12 {
		if err := <-errs; err != nil {
			return err
		}
	}
	n := w.Int(ctx, `SELECT count(*) FROM comment`)
	fmt.Printf("12 clicks of 2 users within %v: %d comments\n", time.Since(start).Round(time.Millisecond), n)
	slow := time.Since(start) >= window // then they were no double clicks
	w.Checkf(n == 2 || slow, "%d comments", n)

	time.Sleep(window)
	if err := submit(other, 1, "and another thing"); err != nil {
		return err
	}
	more := w.Int(ctx, `SELECT count(*) FROM comment`) - n
	fmt.Printf("one click after the window: %d more\n", more)
	w.Checkf(more == 1, "%d more", more)
	return nil
}
