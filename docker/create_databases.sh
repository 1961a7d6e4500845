#!/bin/sh
# Creates the roles and databases of Prefect and MLflow when PostgreSQL is started for the first time. The image of PostgreSQL
# runs it, and so does start_postgres.sh. psql takes the passwords from the environment: no command line shows them.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
\getenv prefect_password PREFECT_DATABASE_PASSWORD
\getenv mlflow_password MLFLOW_DATABASE_PASSWORD
-- the statements below hold passwords
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE prefect OWNER prefect;
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE mlflow_accounts OWNER mlflow;
REVOKE CONNECT ON DATABASE prefect, mlflow, mlflow_accounts FROM PUBLIC;
\connect prefect
-- Prefect searches its tables by it
CREATE EXTENSION pg_trgm;
SQL
