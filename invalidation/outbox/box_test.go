package outbox_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

// The router of Debezium reads these columns.
func TestSchemaHasTheColumnsOfTheEventRouter(t *testing.T) {
	for name, dialect := range dialects {
		t.Run(name, func(t *testing.T) {
			schema := outbox.New(dialect).Schema()
			for _, column := range []string{"id", "aggregatetype", "aggregateid", "type", "payload"} {
				require.Regexp(t, `\n\t`+column+` +\w+(\(\d+\))? +NOT NULL,`, schema)
			}
		})
	}
}

func TestNewPanicsWithoutADialect(t *testing.T) {
	require.Panics(t, func() { outbox.New(0) })
	require.Panics(t, func() { outbox.New(outbox.SQLite + 1) })
}

type nobody struct{}

func (nobody) Publish(context.Context, ...invalidation.Event) error { panic("nothing to publish") }

func TestRelayNamesWhatIsMissing(t *testing.T) {
	box := outbox.New(outbox.MySQL)
	require.ErrorContains(t, box.Relay(t.Context(), nil, nobody{}), "database")
	require.ErrorContains(t, box.Relay(t.Context(), &sql.DB{}, nil), "publisher")
}

func TestRelayOfAContextThatHasEndedIsNil(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, outbox.New(outbox.MySQL).Relay(ctx, &sql.DB{}, nobody{}))
}

func TestKickNeverBlocks(*testing.T) {
	box := outbox.New(outbox.Postgres)
	for range 3 {
		box.Kick()
	}
}
