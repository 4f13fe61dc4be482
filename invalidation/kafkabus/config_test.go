package kafkabus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

func TestConfigNamesTheFieldThatItRefuses(t *testing.T) {
	good := kafkabus.Config{Brokers: []string{"localhost:9092"}, Topic: "events", Group: "cache"}
	for field, change := range map[string]func(*kafkabus.Config){
		"Brokers":          func(c *kafkabus.Config) { c.Brokers = nil },
		"Brokers has":      func(c *kafkabus.Config) { c.Brokers = []string{""} },
		"Topic is":         func(c *kafkabus.Config) { c.Topic = "" },
		"Topic, Topics":    func(c *kafkabus.Config) { c.Topic = "no topic" },
		"Topics has":       func(c *kafkabus.Config) { c.Topics = []string{"events"} },
		"Group":            func(c *kafkabus.Config) { c.Group = "" },
		"DeadLetters: ":    func(c *kafkabus.Config) { c.DeadLetters = "?" },
		"DeadLetters is":   func(c *kafkabus.Config) { c.DeadLetters = "events" },
		"SASL has no User": func(c *kafkabus.Config) { c.SASL.Password = "x" },
		"SASL.Mechanism":   func(c *kafkabus.Config) { c.SASL = kafkabus.SASL{User: "u", Mechanism: "GSSAPI"} },
		"MaxInFlight":      func(c *kafkabus.Config) { c.MaxInFlight = -1 },
		"Session":          func(c *kafkabus.Config) { c.Session = time.Hour },
		"Drain":            func(c *kafkabus.Config) { c.Drain = 11 * time.Second },
	} {
		cfg := good
		change(&cfg)
		_, err := kafkabus.NewSubscriber(cfg)
		require.ErrorContains(t, err, "kafkabus: Config."+field)
	}
	for field, change := range map[string]func(*kafkabus.Config){
		"Brokers":     func(c *kafkabus.Config) { c.Brokers = nil },
		"Topic":       func(c *kafkabus.Config) { c.Topic = "" },
		"MaxInFlight": func(c *kafkabus.Config) { c.MaxInFlight = -1 },
	} {
		cfg := good
		change(&cfg)
		_, err := kafkabus.NewPublisher(cfg)
		require.ErrorContains(t, err, "kafkabus: Config."+field)
	}
}

func TestConfigTakesWhatItShould(t *testing.T) {
	s, err := kafkabus.NewSubscriber(kafkabus.Config{
		Brokers: []string{"localhost:1"}, Topics: []string{"db.users", "db.orders"}, Group: "cache",
		SASL: kafkabus.SASL{Mechanism: kafkabus.ScramSHA512, User: "u", Password: "p"},
	})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	p, err := kafkabus.NewPublisher(kafkabus.Config{Brokers: []string{"localhost:1"}, Topic: "events"})
	require.NoError(t, err)
	require.NoError(t, p.Close())
}
