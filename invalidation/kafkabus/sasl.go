package kafkabus

import (
	"fmt"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// SASL says who connects. The zero value is nobody.
type SASL struct {
	Mechanism Mechanism
	User      string
	Password  string
}

// Mechanism is how a user proves who it is.
type Mechanism string

const (
	// Plain sends the password, which only TLS protects. It is the mechanism of a SASL that names none.
	Plain       Mechanism = "PLAIN"
	ScramSHA256 Mechanism = "SCRAM-SHA-256"
	ScramSHA512 Mechanism = "SCRAM-SHA-512"
)

func (s SASL) check() error {
	_, err := s.mechanism()
	return err
}

func (s SASL) mechanism() (sasl.Mechanism, error) { //nolint:ireturn // kafka-go's
	if s.User == "" {
		if s != (SASL{}) {
			return nil, fmt.Errorf("Config.SASL has no User")
		}
		return nil, nil //nolint:nilnil // nobody: what kafka-go takes for no SASL
	}
	switch s.Mechanism {
	case Plain, "":
		return plain.Mechanism{Username: s.User, Password: s.Password}, nil
	case ScramSHA256:
		return named(scram.Mechanism(scram.SHA256, s.User, s.Password))
	case ScramSHA512:
		return named(scram.Mechanism(scram.SHA512, s.User, s.Password))
	}
	return nil, fmt.Errorf("Config.SASL.Mechanism: %q is not known", s.Mechanism)
}

// named says which field an error is about: a name or a password that cannot be prepared as the standard asks.
func named(m sasl.Mechanism, err error) (sasl.Mechanism, error) { //nolint:ireturn // kafka-go's
	if err != nil {
		return nil, fmt.Errorf("Config.SASL: %w", err)
	}
	return m, nil
}
