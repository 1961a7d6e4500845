#!/bin/sh
# Creates the roles and databases of Prefect and MLflow when PostgreSQL first starts; run by the image of PostgreSQL and by
# start_postgres.sh. psql takes the passwords from the environment, so that no command line shows them.
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
-- for Prefect's text search
CREATE EXTENSION pg_trgm;
SQL
