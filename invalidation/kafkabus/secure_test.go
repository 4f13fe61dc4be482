package kafkabus_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/proctest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

func TestTLSAndEachMechanismOfSASL(t *testing.T) {
	takesLong(t)
	port, err := proctest.FreePort()
	require.NoError(t, err)
	cert, pool := certificate(t)
	const module = "org.apache.kafka.common.security."
	broker := kafkatest.Start(
		t,
		"listeners=PLAINTEXT://127.0.0.1:%[1]s,CONTROLLER://127.0.0.1:%[2]s,SECURE://127.0.0.1:"+port,
		"advertised.listeners=PLAINTEXT://127.0.0.1:%[1]s,SECURE://127.0.0.1:"+port,
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL",
		"ssl.keystore.type=PEM", "ssl.keystore.location="+cert,
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.secure.plain.sasl.jaas.config="+module+`plain.PlainLoginModule required user_alice="secret";`,
		"listener.name.secure.scram-sha-256.sasl.jaas.config="+module+"scram.ScramLoginModule required;",
		"listener.name.secure.scram-sha-512.sasl.jaas.config="+module+"scram.ScramLoginModule required;",
	)
	enrol(rigOn(t, broker.Addr, 0), "alice", "secret")

	for _, mechanism := range []kafkabus.Mechanism{kafkabus.Plain, kafkabus.ScramSHA256, kafkabus.ScramSHA512} {
		t.Run(string(mechanism), func(t *testing.T) {
			secure := func(c *kafkabus.Config) {
				c.Brokers = []string{net.JoinHostPort("127.0.0.1", port)}
				c.TLS = &tls.Config{RootCAs: pool}
				c.SASL = kafkabus.SASL{Mechanism: mechanism, User: "alice", Password: "secret"}
			}
			r := rigOn(t, broker.Addr, 0)
			secure(&r.cfg)
			require.NoError(t, kafkabus.EnsureTopics(t.Context(), r.cfg, kafkabus.Layout{Partitions: 2}))
			ids := r.publish(r.publisher(), 10)
			d := newSeen()
			r.subscribe(r.subscriber(), d.handle)
			r.await("10 events", func() bool { return d.all(ids) })

			wrong := func(c *kafkabus.Config) { c.SASL.Password = "guessed" }
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			err := r.publisher(wrong).Publish(ctx, invalidation.NewEvent("test", "k"))
			require.Error(t, err)
			require.NotErrorIs(t, err, kafkabus.ErrUnknownOutcome)
			told := make(chan error, 10)
			r.subscribe(r.subscriber(wrong, func(c *kafkabus.Config) {
				c.Error = func(_ context.Context, err error) {
					select {
					case told <- err:
					default:
					}
				}
			}), d.handle)
			text := (<-told).Error()
			require.True(t, strings.Contains(text, "SASL") || strings.Contains(text, "Authentication"), text)
			require.NotContains(t, text, "guessed")
		})
	}
}

// enrol makes a user for both mechanisms of SCRAM.
func enrol(r *rig, user, password string) {
	r.Helper()
	salt := []byte("0123456789abcdef")
	weak, err := pbkdf2.Key(sha256.New, password, salt, 4096, sha256.Size)
	require.NoError(r, err)
	strong, err := pbkdf2.Key(sha512.New, password, salt, 4096, sha512.Size)
	require.NoError(r, err)
	for mechanism, key := range map[kafka.ScramMechanism][]byte{ //nolint:exhaustive // all but "unknown"
		kafka.ScramMechanismSha256: weak, kafka.ScramMechanismSha512: strong,
	} {
		res, err := r.client.AlterUserScramCredentials(r.Context(), &kafka.AlterUserScramCredentialsRequest{
			Upsertions: []kafka.UserScramCredentialsUpsertion{{
				Name: user, Mechanism: mechanism, Iterations: 4096, Salt: salt, SaltedPassword: key,
			}},
		})
		require.NoError(r, err)
		require.NoError(r, res.Results[0].Error)
	}
}

// certificate makes one for the loopback interface, in a file with its key.
func certificate(t *testing.T) (path string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	path = filepath.Join(t.TempDir(), "broker.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), cert...)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	pool = x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(cert))
	return path, pool
}
