// Idempotency is an HTTP handler for payments that takes an Idempotency-Key, at two servers.
//
// A repetition gets the answer of the first request, also if it comes while that runs. Another payload under the same
// key is refused. All this is the cheap filter: what makes a second charge impossible is the unique index on the key,
// in the same transaction as the charge, and it is tried here too, after Redis has forgotten everything.
// The exit status is 1 if anybody pays twice.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/cachet-go/cachet/examples/locks/demo"
	"github.com/cachet-go/cachet/lock"
)

const schema = `
	CREATE TABLE payment (id INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, cents INTEGER NOT NULL)`

const keep = 10 * time.Minute // for how long a repetition gets the same answer; in earnest a day

func main() { demo.Main(schema, run) }

// Receipt is the answer.
type Receipt struct {
	ID    int64 `json:"id"`
	Cents int64 `json:"cents"`
}

// Payments is the handler.
type Payments struct {
	DB     *sql.DB
	Locker *lock.Locker
}

// ServeHTTP implements http.Handler.
func (p Payments) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, 1<<10))
	var order struct {
		Cents int64 `json:"cents"`
	}
	if key == "" || err != nil || json.Unmarshal(body, &order) != nil || order.Cents <= 0 {
		http.Error(rw, "an Idempotency-Key and an amount are needed", http.StatusBadRequest)
		return
	}
	receipt, replayed, err := lock.Once(r.Context(), p.Locker, "payment:"+key, keep,
		func(ctx context.Context) (Receipt, error) { return p.charge(ctx, key, order.Cents) },
		lock.Fingerprint(body))
	switch {
	case errors.Is(err, lock.ErrMismatch), errors.Is(err, errOther):
		http.Error(rw, "the key was used for another payment", http.StatusUnprocessableEntity)
		return
	case err != nil && receipt.ID == 0: // with a receipt, only the record failed, and the index will do
		http.Error(rw, "try again", http.StatusServiceUnavailable)
		return
	}
	if replayed {
		rw.Header().Set("Idempotent-Replayed", "true")
	}
	_ = json.NewEncoder(rw).Encode(receipt) //nolint:errchkjson // who is gone repeats the request
}

var errOther = errors.New("another amount under the same key")

// charge charges once per key whatever happened to Redis.
func (p Payments) charge(ctx context.Context, key string, cents int64) (r Receipt, err error) {
	time.Sleep(20 * time.Millisecond) // a bank takes its time
	_, err = p.DB.ExecContext(ctx,
		`INSERT INTO payment (idempotency_key, cents) VALUES (?, ?) ON CONFLICT (idempotency_key) DO NOTHING`, key, cents)
	if err != nil {
		return r, err
	}
	err = p.DB.QueryRowContext(ctx, `SELECT id, cents FROM payment WHERE idempotency_key = ?`, key).Scan(&r.ID, &r.Cents)
	if err == nil && r.Cents != cents {
		return Receipt{}, errOther
	}
	return r, err
}

func run(ctx context.Context, w *demo.World) error {
	var servers [2]*httptest.Server
	for i := range servers {
		locker := lock.New(w.Client, lock.Prefix(w.Prefix))
		defer locker.Close() //nolint:errcheck,revive,gocritic // two, and it returns nil
		servers[i] = httptest.NewServer(Payments{w.DB, locker})
		defer servers[i].Close() //nolint:revive,gocritic // two
	}
	post := func(i int, key, body string) (status int, answer string, replayed bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, servers[i%2].URL, strings.NewReader(body))
		if err != nil {
			return 0, err.Error(), false
		}
		req.Header.Set("Idempotency-Key", key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err.Error(), false
		}
		defer resp.Body.Close() //nolint:errcheck // read
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, strings.TrimSpace(string(text)), resp.Header.Get("Idempotent-Replayed") != ""
	}
	impatient(w, post)

	status, _, _ := post(0, "4711", `{"cents": 999}`)
	fmt.Println("another payload: ", status)
	w.Checkf(status == http.StatusUnprocessableEntity, "another payload got %d", status)
	status, _, _ = post(0, "", `{"cents": 500}`)
	w.Checkf(status == http.StatusBadRequest, "no key got %d", status)

	w.Client.Del(ctx, w.Prefix+"{payment:4711}:once") // as a FLUSHALL or a failover would
	status, answer, replayed := post(1, "4711", `{"cents": 500}`)
	fmt.Println("after Redis forgot:", status, answer, "replayed by Redis:", replayed)
	w.Checkf(status == http.StatusOK && strings.Contains(answer, `"id":1,`), "got %d %s", status, answer)
	status, _, _ = post(0, "4711", `{"cents": 500}`)
	w.Checkf(status == http.StatusOK, "got %d", status)

	n := w.Int(ctx, `SELECT count(*) FROM payment`)
	fmt.Println("payments:         ", n)
	w.Checkf(n == 1, "%d payments", n)
	return nil
}

// impatient sends one payment eight times at once.
func impatient(w *demo.World, post func(i int, key, body string) (int, string, bool)) {
	var all sync.WaitGroup
	var mu sync.Mutex
	answers, replays := map[string]int{}, 0
	for i := range 8 {
		all.Go(func() {
			status, answer, replayed := post(i, "4711", `{"cents": 500}`)
			mu.Lock()
			defer mu.Unlock()
			answers[fmt.Sprint(status, " ", answer)]++
			if replayed {
				replays++
			}
		})
	}
	all.Wait()
	fmt.Println("eight at once:    ", answers, "replayed:", replays)
	w.Checkf(len(answers) == 1 && replays == 7, "answers %v, %d replayed", answers, replays)
}
