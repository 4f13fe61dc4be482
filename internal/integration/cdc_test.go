package integration_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

func TestDatabasesTellTheCacheWhatTheyCommit(t *testing.T) {
	b := kafkatest.Start(t)
	pg, my := cdcPostgres(t), cdcMariaDB(t)
	pg.Exec(cdcSchema + "ALTER TABLE users REPLICA IDENTITY FULL;")
	my.Exec(cdcSchema)
	kafkatest.Connect(t, b,
		cdcConnector("pg", pg, nil), cdcConnector("my", my, nil))

	t.Run("PostgreSQL", func(t *testing.T) {
		w := newCDCWorld(t, b, pg, "pgx", "pg", "public")
		w.warm()
		w.rows()
		w.fill("plain:1", "plain-email:a@x")
		w.exec("UPDATE plain SET email = 'b@x'")
		w.gone("plain:1")
		assert.True(t, w.cached("plain-email:a@x"), "PostgreSQL has not told it")
		assert.Equal(t, cdc.Incomplete{
			Table: "public.plain", Cache: "plain-email", Op: cdc.Update, Old: true, Column: "email", State: cdc.Unknown,
		}, <-w.reports)
		assert.EqualValues(t, 1, w.decoder.Stats().Incomplete)
		w.latency()
	})
	t.Run("MariaDB", func(t *testing.T) {
		w := newCDCWorld(t, b, my, "mysql", "my", "cachet")
		w.warm()
		w.rows()
		w.fill("plain:1", "plain-email:a@x")
		w.exec("UPDATE plain SET email = 'b@x'")
		w.gone("plain:1", "plain-email:a@x")
		w.fill("plain:1", "plain-email:b@x")
		w.exec("DROP TABLE plain")
		w.gone("plain:1", "plain-email:b@x")
		assert.Zero(t, w.decoder.Stats().Incomplete)
		w.latency()
	})
}

// rows changes rows and looks which keys are deleted.
func (w *cdcWorld) rows() {
	const big = "9007199254740993" // 2^53 + 1, which no float64 can hold
	for _, step := range []struct {
		write      string
		gone, stay []string
		read       map[string]string // afterwards, through the cache
	}{
		{
			write: "INSERT INTO users VALUES (2, 'b@x', 'Bob')",
			gone:  []string{"user:2", "email:b@x"}, // known to be absent
			stay:  []string{"user:1", "email:a@x"},
			read:  map[string]string{"user:2": "Bob", "email:b@x": "Bob"},
		},
		{
			write: "UPDATE users SET name = 'Anna' WHERE id = 1",
			gone:  []string{"user:1", "email:a@x"},
			stay:  []string{"user:2", "email:b@x"},
			read:  map[string]string{"user:1": "Anna", "email:a@x": "Anna"},
		},
		{
			write: "UPDATE users SET email = 'c@x' WHERE id = 1",
			gone:  []string{"user:1", "email:a@x", "email:c@x"},
			stay:  []string{"user:2", "email:b@x"},
			read:  map[string]string{"email:c@x": "Anna"},
		},
		{
			write: "UPDATE users SET id = " + big + " WHERE id = 2",
			gone:  []string{"user:2", "user:" + big, "email:b@x"},
			stay:  []string{"user:1", "email:c@x", "user:9007199254740992"},
			read:  map[string]string{"user:" + big: "Bob"},
		},
		{
			write: "DELETE FROM users WHERE id = " + big,
			gone:  []string{"user:" + big, "email:b@x"},
			stay:  []string{"user:1", "email:c@x"},
		},
		{
			write: "UPDATE pairs SET code = 'x:z'",
			gone:  []string{"pair:1/x:y", "pair:1/x:z"},
			stay:  []string{"user:1"},
			read:  map[string]string{"pair:1/x:z": "one"},
		},
		{
			write: "UPDATE prices SET amount = 13.25",
			gone:  []string{"price:12.5000", "price:13.2500"},
			stay:  []string{"pair:1/x:z"},
			read:  map[string]string{"price:13.2500": "low"},
		},
		{
			write: "TRUNCATE TABLE users",
			gone:  []string{"user:1", "user:2", "email:c@x", "email:nobody@x"},
			stay:  []string{"pair:1/x:z", "price:13.2500", "plain:1"},
		},
	} {
		w.fill(append(step.gone, step.stay...)...)
		w.exec(step.write)
		w.gone(step.gone...)
		for _, name := range step.stay {
			assert.True(w, w.cached(name), "%s: %s", step.write, name)
		}
		for name, want := range step.read {
			got, err := w.get(name)
			assert.NoError(w, err, "%s: %s", step.write, name)
			assert.Equal(w, want, got, "%s: %s", step.write, name)
		}
	}
	for name := range map[string]bool{"user:1": true, "email:c@x": true} {
		_, err := w.get(name)
		assert.ErrorIs(w, err, cachet.ErrNotFound)
	}
	assert.EqualValues(w, 0, w.decoder.Stats().Malformed)
	assert.Positive(w, w.decoder.Stats().Unmapped)
}
